"""The table of commands: what ``--help`` lists and where each command lives."""

from __future__ import annotations

import difflib
import importlib
from typing import NamedTuple

from course.cli import environment


class Verb(NamedTuple):
    """One command.

    ``target`` is ``"module:function"``; the function takes the arguments after the command's name and returns
    an exit code. ``needs`` lists the extras of ``pyproject.toml`` to provide beside ``requirements.txt``
    before it starts; ``None`` when the command starts with nothing installed.
    """

    name: str
    group: str
    summary: str
    target: str
    needs: tuple[str, ...] | None = None


LEARN, TEACH, KEEP = "To learn", "To teach", "To keep the course in order"

VERBS = (
    Verb("lab", LEARN, "open the course in JupyterLab; sets it up the first time", "course.cli.lab:main"),
    Verb("progress", LEARN, "show what you have passed, lesson by lesson", "course.cli.progress:main", ()),
    Verb("run", LEARN, "execute a lesson, or all of them, and write a report", "course.cli.run:main"),
    Verb("check-setup", LEARN, "say what is missing here and how to mend it", "course.cli.check_setup:main"),
    Verb(
        "grade",
        TEACH,
        "grade submitted notebooks: marks and feedback for a class",
        "course.grading.run:main",
        ("grade",),
    ),
    Verb(
        "release",
        TEACH,
        "make the bundle for students and the instructor's key",
        "course.grading.release:main",
        ("grade",),
    ),
    Verb("build", KEEP, "write the notebooks from their sources", "course.build:main", ("maintain",)),
    Verb("test", KEEP, "run every test, the notebooks included", "course.cli.suite:main"),
)


def help_text() -> str:
    """What ``python -m course --help`` prints."""
    width = max(len(verb.name) for verb in VERBS)
    lines = [
        "Gradient Clinic: backpropagation and the training of deep networks, by measurement.",
        "",
        "usage: python -m course COMMAND [arguments]",
    ]
    for group in dict.fromkeys(verb.group for verb in VERBS):
        lines += ["", group]
        lines += [f"  {verb.name:{width}}  {verb.summary}" for verb in VERBS if verb.group == group]
    lines += ["", "Start with `python -m course lab`. `python -m course COMMAND --help` tells more."]
    return "\n".join(lines)


def find(name: str) -> Verb:
    """The command with this name; an unknown one is refused with the nearest."""
    verbs = {verb.name: verb for verb in VERBS}
    if name in verbs:
        return verbs[name]
    near = difflib.get_close_matches(name.lower().replace("_", "-"), verbs, n=1, cutoff=0.4)
    hint = f"did you mean `{near[0]}`?" if near else "`python -m course --help` lists them all."
    raise environment.CannotGoOn(f"There is no command `{name}`: {hint}")


def run(argv: list[str]) -> int:
    """Run the command line ``argv``; with none, or with ``--help``, print the help."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(help_text())
        return 0
    if argv[0] in ("-V", "--version"):
        import course

        print(course.__version__)
        return 0
    verb = find(argv[0])
    arguments = argv[1:]
    if verb.needs is not None and not {"-h", "--help"} & set(arguments):
        environment.enter(verb.needs)
    module, function = verb.target.split(":")
    return getattr(importlib.import_module(module), function)(arguments)
