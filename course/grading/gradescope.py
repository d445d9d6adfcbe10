"""The autograder for Gradescope: a zip with ``setup.sh`` and ``run_autograder``, and what that one runs
there.
"""

from __future__ import annotations

import hmac
import json
import secrets
import sys
import zipfile
from pathlib import Path

from course.syllabus import HERE, find

SALT = "salt.txt"
LESSON = "lesson.txt"
# Written for people, built from, or only for the learner's screen: not needed to grade.
LEFT_OUT = (".md", ".ipynb", ".pyc", ".js", ".png")

SETUP = """\
#!/usr/bin/env bash
# Gradescope runs this once, when it builds the autograder's image.
set -euo pipefail
apt-get update && apt-get install -y python3-pip
python3 -m pip install uv || python3 -m pip install --break-system-packages uv
uv venv --python 3.12 /autograder/venv
uv pip install --python /autograder/venv/bin/python {requirements}
"""

RUN = """\
#!/usr/bin/env bash
# Gradescope runs this for each submission.
set -euo pipefail
root="${AUTOGRADER_ROOT:-/autograder}"
cd "$root/source"
exec "${AUTOGRADER_PYTHON:-$root/venv/bin/python}" -m course.grading.gradescope "$root"
"""


def write(to: Path, lesson: str) -> int:
    """Write the autograder zip into the folder ``to``; for one lesson, or with ``""`` for any. Returns 0."""
    to.mkdir(parents=True, exist_ok=True)
    path = to / f"autograder_{find(lesson).slug if lesson else 'any_lesson'}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "setup.sh", SETUP.format(requirements=_requirements()), executable=True)
        _add(archive, "run_autograder", RUN, executable=True)
        _add(archive, LESSON, lesson)
        _add(archive, SALT, secrets.token_hex(32))
        for file in sorted(HERE.rglob("*")):
            if file.is_file() and not file.name.endswith(LEFT_OUT):
                archive.write(file, f"course/{file.relative_to(HERE).as_posix()}")
    print(
        f"{path}: upload it as the autograder of a programming assignment. It holds the checks: "
        "keep it from students."
    )
    return 0


def grade(root: Path) -> int:
    """Grade ``root/submission`` into ``root/results/results.json``, as Gradescope lays these folders out."""
    from course.grading import reports
    from course.grading.desks import Job, here
    from course.grading.ingest import ingest
    from course.grading.marks import Mark, mark
    from course.grading.store import Graded, course_version

    source = root / "source"
    salt = (source / SALT).read_text().strip()
    works = ingest([root / "submission"], (source / LESSON).read_text().strip(), "submission")
    marks: list[Mark] = []
    for work in works:
        outcome = None
        if not work.problem:
            # Nobody can tell the seed before handing in, and grading again finds the same one.
            seed = int.from_bytes(hmac.digest(salt.encode(), work.content_hash.encode(), "sha256")[:4], "big")
            job = Job(0, work.student, work.lesson, work.cells, seed, course_version(work.lesson))
            outcome = next(done for done in here([job], 1, require_isolation=False) if done)[1]
        if isinstance(outcome, Exception):
            raise outcome
        assert outcome is None or isinstance(outcome, Graded)
        marks.append(mark(work, outcome))
    result = reports.gradescope(_best(marks)) if marks else {"score": 0, "output": "No notebook was sent."}
    (root / "results").mkdir(exist_ok=True)
    (root / "results" / "results.json").write_text(json.dumps(result), encoding="utf-8")
    return 0


def _best(marks: list) -> object:
    """The one notebook that counts, when several lessons were sent where one was asked for."""
    return max(marks, key=lambda one: one.points)


def _requirements() -> str:
    """What grading needs of ``requirements.txt``, and the extra ``grade`` without its clusters."""
    needed = (
        "tensorflow",
        "keras",
        "numpy",
        "scikit-learn",
        "pandas",
        "matplotlib",
        "sqlalchemy",
        "pyyaml",
        "platformdirs",
    )
    lines = (HERE.parent / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line.split("#")[0].strip() for line in lines if line.lower().startswith(needed)]
    return " ".join(f"'{line}'" for line in [*wanted, "ipython", "jinja2", "nbformat"])


def _add(archive: zipfile.ZipFile, name: str, text: str, executable: bool = False) -> None:
    entry = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
    entry.external_attr = (0o100755 if executable else 0o100644) << 16
    archive.writestr(entry, text)


if __name__ == "__main__":
    sys.exit(grade(Path(sys.argv[1])))
