"""What this learner has passed: kept in a database, drawn as bars in a terminal or as a map in a notebook.

>>> progress = Progress.open()
>>> progress.record("check", "02.dense_backward", "passed")
True
>>> print(progress.text_report())

Four parts: :mod:`~course.progress.store` talks to the database and raises,
:mod:`~course.progress.standing` counts, :mod:`~course.progress.drawing` draws, and :class:`Progress` joins
them and never stops a lesson.
"""

from functools import cache

from course.progress.learner import Progress
from course.progress.standing import ItemStanding, LessonStanding

__all__ = ["ItemStanding", "LessonStanding", "Progress", "current", "record"]


@cache
def current() -> Progress:
    """The progress of whoever runs this process, opened once."""
    return Progress.open()


def record(kind: str, item_id: str, outcome: str, detail: str = "") -> bool:
    """Keep one attempt in the current progress, as :meth:`Progress.record`."""
    return current().record(kind, item_id, outcome, detail)
