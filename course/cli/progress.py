"""``python -m course progress``: what this learner has passed."""

from __future__ import annotations

import argparse


def main(argv: list[str]) -> int:
    """Print the progress per lesson."""
    argparse.ArgumentParser(
        prog="python -m course progress", description="Show what you have passed, lesson by lesson."
    ).parse_args(argv)
    from course.progress import current

    print(current().text_report())
    return 0
