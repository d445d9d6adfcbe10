"""The commands of ``python -m course``.

One line of :data:`course.cli.verbs.VERBS` is one command. Nothing here needs an installed package: a command
that does names the extras of ``pyproject.toml`` it wants, and :mod:`course.cli.environment` provides them
before it starts.
"""

import sys

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Run one command line, e.g. ``["run", "02"]``, and give its exit code.

    0 is success, 1 is "ran, and the answer is no", 2 is "could not start" with one sentence on the standard
    error, 130 is "stopped by Ctrl-C".
    """
    from course.cli.environment import CannotGoOn
    from course.cli.verbs import run

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console without Unicode shows "?" and goes on
    try:
        return run(sys.argv[1:] if argv is None else argv)
    except CannotGoOn as reason:
        print(reason, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. The same command starts again; a set-up goes on where it was.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `python -m course progress | head`
        sys.stdout = None
        return 0
