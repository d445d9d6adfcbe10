"""``python -m course check-setup``: what is installed, what is missing, and how to mend it."""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from course.cli import environment, requirements
from course.cli.environment import BYTES_NEEDED, ROOT

SET_UP = "`python -m course lab` sets it up."
REMAKE = f"Delete {environment.VENV}; `python -m course lab` then makes it anew."


class Finding(NamedTuple):
    """One line of the report; ``mend`` says what to do, and is empty when all is well."""

    what: str
    found: str
    mend: str = ""


def main(argv: list[str]) -> int:
    """Print one line per finding; 0 when all is well, 1 when something needs mending."""
    argparse.ArgumentParser(
        prog="python -m course check-setup",
        description="Say what is installed, what is missing, and how to mend it. Changes nothing.",
    ).parse_args(argv)
    findings = []
    for finding in look():
        findings.append(finding)
        print(f"{'to mend' if finding.mend else 'ok':7}  {finding.what:12} {finding.found}", flush=True)
    mends = list(dict.fromkeys(finding.mend for finding in findings if finding.mend))
    print()
    print("\n".join(mends) if mends else "All is well. `python -m course lab` opens the course.")
    return 1 if mends else 0


def look():
    """Yield the findings, the quick ones first."""
    machine = f"{platform.system()} {platform.machine()}"
    yield Finding("Python", f"{platform.python_version()} on {machine}: {sys.executable}")
    python, site_packages = _where()
    if python is None:
        yield Finding("Environment", "not made yet", SET_UP)
        yield _disk(BYTES_NEEDED)
        yield _notebooks()
        return
    yield Finding("Environment", str(Path(python).parents[1]))
    yield _packages(site_packages)
    yield _disk(500_000_000)
    yield _notebooks()
    yield from _inside(python)


def _where() -> tuple[str | None, str | None]:
    """The Python that the course would run in, and the folder of its packages when that is not our own."""
    if environment.is_complete():
        return sys.executable, None
    if environment.is_ours() and environment.venv_python().exists():
        return str(environment.venv_python()), str(environment.site_packages())
    return None, None


def _packages(site_packages: str | None) -> Finding:
    if not (ROOT / "requirements.txt").exists():
        return Finding("Packages", "`course` is installed on its own: its requirements are not checked")
    wanted = requirements.wanted()
    unmet = requirements.missing(wanted, site_packages)
    if not unmet:
        return Finding("Packages", f"all {len(wanted)} of requirements.txt")
    listed = ", ".join(f"{item.requirement.text} (found {item.found or 'none'})" for item in unmet)
    if environment.on_colab():
        return Finding("Packages", f"Colab's own; they differ in {listed}")
    mend = SET_UP if site_packages else REMAKE
    return Finding("Packages", f"missing: {listed}", mend)


def _disk(needed: int) -> Finding:
    free = shutil.disk_usage(ROOT).free
    short = f"Make {needed / 1e9:.1f} GB of room on the disk of {ROOT}." if free < needed else ""
    return Finding("Disk", f"{free / 1e9:.1f} GB free", short)


def _notebooks() -> Finding:
    from course import syllabus

    lessons = syllabus.lessons()
    absent = [lesson.slug for lesson in lessons if not (ROOT / "notebooks" / f"{lesson.slug}.ipynb").exists()]
    if absent and (ROOT / "notebooks").is_dir():
        return Finding(
            "Notebooks", f"missing: {', '.join(absent)}", "`python -m course build` writes the notebooks."
        )
    if absent:
        return Finding("Notebooks", "none here", "Clone the whole repository to have the notebooks.")
    return Finding("Notebooks", f"all {len(lessons)} lessons")


def _inside(python: str):
    """What only the environment's own Python can tell: TensorFlow, device, data, where progress is kept."""
    try:
        answer = subprocess.run(
            [python, "-m", "course.cli.inside"],
            env=environment.child_environment(),
            capture_output=True,
            text=True,
            timeout=180,
        )
    except subprocess.TimeoutExpired:
        yield Finding(
            "TensorFlow", "did not start within three minutes", "Close other programs and try again."
        )
        return
    try:
        told = json.loads(answer.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        last = (answer.stderr.strip().splitlines() or ["no reason given"])[-1]
        yield Finding("TensorFlow", f"does not start: {last}", _crash_mend(answer.returncode))
        return
    yield from (Finding(*item) for item in told)


def _crash_mend(code: int) -> str:
    if code < 0:
        return "The import was killed: TensorFlow needs a processor with AVX and 1 GB of free memory."
    return REMAKE
