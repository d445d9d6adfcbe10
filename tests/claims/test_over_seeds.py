"""Every claim of every lesson holds for other seeds too, and by what margin. Run with ``-m seeds``.

Each lesson's code runs as a script in a process of its own, once a seed; the table of margins is printed, and
written to ``artifacts/claim_margins.csv``.
"""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from course.syllabus import lessons

ROOT = Path(__file__).parent.parent.parent
SEEDS = (1, 2, 3, 4, 5)
RUN = """
import json, sys
for cell in json.load(open(sys.argv[1], encoding="utf-8"))["cells"]:
    if cell["cell_type"] == "code" and "colab" not in cell["metadata"].get("tags", []):
        exec(compile("".join(cell["source"]), cell["id"], "exec"), globals())
"""


def measure(lesson, seed, folder):
    """The claims of a lesson, as its code logs them under this seed."""
    log = folder / f"{lesson.slug}_{seed}.jsonl"
    env = {
        **os.environ,
        "COURSE_SEED": str(seed),
        "COURSE_CLAIMS_LOG": str(log),
        "COURSE_DB": f"sqlite:///{folder / 'progress.db'}",
        "PYTHONPATH": str(ROOT),
    }
    notebook = ROOT / "notebooks" / f"{lesson.slug}.ipynb"
    done = subprocess.run([sys.executable, "-c", RUN, str(notebook)], env=env, capture_output=True, text=True, cwd=ROOT)
    rows = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return rows, "" if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


@pytest.mark.seeds
@pytest.mark.parametrize("lesson", [lesson for lesson in lessons() if lesson.claims], ids=lambda lesson: lesson.slug)
def test_the_claims_hold_over_seeds(lesson, tmp_path, capsys):
    margins, failures = {}, []
    for seed in SEEDS:
        rows, error = measure(lesson, seed, tmp_path)
        if error:
            failures.append(f"seed {seed}: {error}")
        for row in rows:
            margins.setdefault((row["id"], row["sentence"]), []).append(row["margin"])
    assert {id for id, _ in margins} == set(lesson.claims)
    table = [
        [lesson.slug, id, sentence, *(f"{margin:.3g}" if margin is not None else "yes" for margin in row)]
        for (id, sentence), row in margins.items()
    ]
    (ROOT / "artifacts").mkdir(exist_ok=True)
    with open(ROOT / "artifacts" / f"claim_margins_{lesson.slug}.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["lesson", "claim", "sentence", *(f"seed {seed}" for seed in SEEDS)], *table])
    with capsys.disabled():
        for _, id, sentence, *row in table:
            print(f"\n  {id:4} margins {' '.join(f'{margin:>8}' for margin in row)}  {sentence[:70]}", end="")
    assert not failures, "\n".join(failures)
    assert all(len(row) == len(SEEDS) for row in margins.values())
