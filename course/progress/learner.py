"""One learner's progress, as notebooks and the command line use it. Nothing here stops a lesson."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from course.progress.drawing import Map, text_report
from course.progress.standing import LessonStanding, standings
from course.progress.store import SEED_BITS, Store, Tally, Unavailable, user_name

KINDS = ("check", "quiz", "prediction")
PATIENCE_SECONDS = 1
REST_SECONDS = 60

_warned: set[str] = set()


class Progress:
    """What one learner has passed. Open it with :meth:`open`.

    When the database cannot be used, one line on standard error says why, records return False, and the rest
    works as if nothing had been passed.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rest_until = 0.0

    @classmethod
    def open(cls, url: str | None = None) -> Progress:
        """The progress kept at this SQLAlchemy URL, else at ``COURSE_DB``, else in the user's data directory.

        The database itself is opened at its first use, so this always succeeds.
        """
        return cls(Store(url or os.environ.get("COURSE_DB") or None))

    def record(self, kind: str, item_id: str, outcome: str, detail: str = "") -> bool:
        """Keep one attempt, with the time in UTC.

        Parameters
        ----------
        kind
            ``"check"``, ``"quiz"`` or ``"prediction"``.
        item_id
            Such as ``"02.dense_backward"`` or ``"02.q3"``.
        outcome
            ``"passed"``, ``"not passed"`` or ``"not attempted"``. What was passed once stays passed.
        detail
            Such as the message of a check or the answer that was given.

        Returns
        -------
        bool
            Whether it is kept. False comes with one warning line, once for each reason.
        """
        if kind not in KINDS:
            raise ValueError(f"kind is {kind!r}; it must be one of {', '.join(KINDS)}.")
        return self._try(lambda: self._store.add(kind, item_id, outcome, detail) or True, otherwise=False)

    def learner_seed(self) -> int:
        """The seed of this learner's drawn questions, in [0, 2**31): random at first, then always the same.

        Without a usable database it is derived from the user's name, and nothing is said.
        """
        try:
            return self._store.seed()
        except Unavailable:
            user = f"{user_name()} {Path('~').expanduser()}".encode("utf-8", "replace")
            return int.from_bytes(hashlib.sha256(user).digest()[:4], "big") >> (32 - SEED_BITS)

    def tallies(self) -> dict[tuple[str, str], Tally]:
        """``(kind, item ID)`` to whether it was ever passed and the number of attempts."""
        return self._try(self._store.tallies, otherwise={})

    def standing(self, questions: Mapping[str, Sequence[str]] | None = None) -> dict[str, LessonStanding]:
        """Each lesson's standing by its number, in the order of the syllabus.

        ``questions`` gives the quiz question IDs of each lesson number; without it they are read from each
        lesson's ``quiz.yaml``.
        """
        return standings(self.tallies(), questions)

    def text_report(self) -> str:
        """The standing drawn for a terminal: a bar per lesson, and what is next."""
        return text_report(self.standing(), encoding=sys.stdout.encoding or "ascii")

    def map_view(self) -> Map:
        """The standing as a map of the course, for the end of a notebook cell."""
        return Map(self.standing())

    def close(self) -> None:
        """Let go of the database; the next use opens it again."""
        self._store.close()

    def _try(self, action, otherwise):
        """The action's result; after a failure a warning and ``otherwise``.

        A failure that took long (a server that does not answer) is followed by a rest, so that not every
        check waits.
        """
        with contextlib.suppress(ImportError):
            import sqlalchemy  # noqa: F401  its first import takes a while and says nothing about the database
        begun = time.monotonic()
        if begun < self._rest_until:
            return otherwise
        try:
            return action()
        except Unavailable as trouble:
            if time.monotonic() - begun > PATIENCE_SECONDS:
                self._rest_until = time.monotonic() + REST_SECONDS
            _warn_once(str(trouble))
            return otherwise


def _warn_once(reason: str) -> None:
    if reason not in _warned:
        _warned.add(reason)
        print(f"Progress is not kept: {reason} The lesson goes on.", file=sys.stderr)
