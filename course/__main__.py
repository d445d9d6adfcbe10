"""``python -m course``: looks at the Python version, then hands over to :mod:`course.cli`.

This file and ``course/__init__.py`` are read before the version is known. They stay within what every
Python can parse, so that an old one gets a sentence and not a ``SyntaxError``.
"""

import os
import shutil
import subprocess
import sys

OLDEST, TOO_NEW = (3, 11), (3, 14)  # as `requires-python` in pyproject.toml says
SUGGESTED = ("3.12", "3.13", "3.11")


def python_is_accepted(version):
    """Whether the course runs on this ``(major, minor)``."""
    return OLDEST <= tuple(version[:2]) < TOO_NEW


def suggestion(arguments):
    """What to do instead: a command that works on this machine, or a Python to install."""
    command = "%s -m course " + (" ".join(arguments) or "--help")
    for version in SUGGESTED:
        name = "python" + version
        if hasattr(shutil, "which") and shutil.which(name) and _runs(name):
            return "run `" + command % name + "` instead"
    name = "py -3.12" if sys.platform == "win32" else "python3.12"
    return "install Python 3.12 from https://www.python.org/downloads/ and run `" + command % name + "`"


def _runs(name):
    """Whether the command really starts a Python: version managers leave stand-ins that do not."""
    try:
        with open(os.devnull, "w") as nowhere:
            return subprocess.call([name, "-c", "pass"], stdout=nowhere, stderr=nowhere) == 0
    except OSError:
        return False


if __name__ == "__main__":
    if not python_is_accepted(sys.version_info):
        found = ".".join(str(part) for part in sys.version_info[:3])
        sys.stderr.write(
            "Gradient Clinic needs Python 3.11, 3.12 or 3.13, and this is %s: %s.\n"
            % (found, suggestion(sys.argv[1:]))
        )
        sys.exit(2)

    from course.cli import main

    sys.exit(main())
