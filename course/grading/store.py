"""The database of marks: each result is committed as it comes, so whatever happens next, it is there.

A piece of work is known by lesson and content: the same code is graded once for one version of the course,
whoever sent it and however often. Its seed is drawn after it was handed in, and kept, so that grading again
judges it by the same inputs.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course import __version__, check
from course.syllabus import find

if TYPE_CHECKING:
    from course.grading.ingest import Work

SCHEMA_VERSION = 1
SEED_BITS = 32
BUSY_SECONDS = 60
SMALL = 500  # most parameters put into one query


class Unavailable(Exception):
    """The database cannot be used; the text is a sentence that says why."""


@dataclass(frozen=True)
class Judged:
    """What grading found of one exercise. ``score`` is from 0 to 1; ``passed`` of ``cases`` cases hold."""

    id: str
    status: str
    score: float = 0.0
    message: str = ""
    mistake: str = ""
    case: str = ""
    passed: int = 0
    cases: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Graded:
    """What grading found of one piece of work. ``isolation`` says how its code was kept apart."""

    seed: int
    isolation: str
    seconds: float
    exercises: tuple[Judged, ...]
    note: str = ""


@dataclass(frozen=True)
class Entry:
    """A piece of work in the store: its number and its seed."""

    number: int
    seed: int


@cache
def course_version(lesson: str) -> str:
    """The course's version and a hash of all that judges this lesson: a corrected check grades anew."""
    digest = sha256()
    for folder in (Path(check.__file__).parent, find(lesson).folder):
        for path in sorted(folder.glob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{__version__}+{digest.hexdigest()[:12]}"


class Store:
    """The marks in one database, made when it is not there yet. Use it as a context manager.

    Parameters
    ----------
    url : str
        A SQLAlchemy URL, e.g. ``sqlite:///grades.sqlite`` or ``postgresql+psycopg://user@host/grades``.

    Raises
    ------
    Unavailable
        Here and in every method, when the database cannot be used.
    """

    def __init__(self, url: str):
        with _sentences():
            from sqlalchemy import create_engine, make_url

            url = make_url(url)
            self._where = url.render_as_string(hide_password=True)
            sqlite = url.get_backend_name() == "sqlite"
            arguments = {"timeout": BUSY_SECONDS} if sqlite else {}
            self._engine = create_engine(url, connect_args=arguments)
            if sqlite:
                _lock_at_once(self._engine)
            self._prepare()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exception: object) -> None:
        self._engine.dispose()

    def register(self, works: Sequence[Work]) -> list[Entry | None]:
        """Note who sent what, and draw a seed for each new piece of work.

        Returns
        -------
        list
            Entry by entry of ``works``; ``None`` where there is nothing to grade.
        """
        for last_try in (False, False, True):
            try:
                with _sentences(), self._engine.begin() as connection:
                    return [_register(connection, work) for work in works]
            except Unavailable as error:
                # Another grader noted the same work between our look and our write: look again.
                if last_try or not _is_conflict(error):
                    raise
        raise AssertionError("unreachable")

    def save(self, number: int, version: str, graded: Graded, *, anew: bool = False) -> bool:
        """Commit a result. One that is there already stays, unless ``anew``; returns whether this one was
        written.
        """
        tables = _tables()
        row = {
            "work_id": number,
            "course_version": version,
            "seed": graded.seed,
            "isolation": _text(graded.isolation),
            "seconds": graded.seconds,
            "note": _text(graded.note),
            "graded_at": _now(),
        }
        try:
            with _sentences(), self._engine.begin() as connection:
                if anew:
                    _remove(connection, number, version)
                result = connection.execute(tables.result.insert(), row).inserted_primary_key[0]
                rows = [_exercise_row(result, place, judged) for place, judged in enumerate(graded.exercises)]
                if rows:
                    connection.execute(tables.exercise.insert(), rows)
        except Unavailable as error:
            if _is_conflict(error):
                return False
            raise
        return True

    def results(self, numbers: Iterable[int], version: str) -> dict[int, Graded]:
        """The results of these pieces of work for this version of the course, as far as there are any."""
        found: dict[int, Graded] = {}
        numbers = sorted(set(numbers))
        with _sentences(), self._engine.connect() as connection:
            for start in range(0, len(numbers), SMALL):
                found |= _read(connection, numbers[start : start + SMALL], version)
        return found

    def _prepare(self) -> None:
        """Make the tables when there are none; refuse those of a newer version. Two graders may start at
        once.
        """
        from sqlalchemy import inspect, select
        from sqlalchemy.exc import DBAPIError

        tables = _tables()
        for last_try in (False, True):
            try:
                with self._engine.begin() as connection:
                    if not inspect(connection).has_table(tables.version.name):
                        tables.metadata.create_all(connection)
                        connection.execute(tables.version.insert(), {"id": 1, "version": SCHEMA_VERSION})
                    known = connection.execute(select(tables.version.c.version)).scalar_one()
            except DBAPIError:
                if last_try:
                    raise
            else:
                break
        if known > SCHEMA_VERSION:
            raise Unavailable(
                f"The store {self._where} was written by a newer version of the course. Update the course."
            )


def _register(connection: Any, work: Work) -> Entry | None:
    from sqlalchemy import select

    tables = _tables()
    entry = None
    if not work.problem:
        where = (tables.work.c.lesson == work.lesson) & (tables.work.c.content_hash == work.content_hash)
        row = connection.execute(select(tables.work.c.id, tables.work.c.seed).where(where)).first()
        if row is None:
            seed = secrets.randbits(SEED_BITS)
            values = {
                "lesson": work.lesson,
                "content_hash": work.content_hash,
                "seed": seed,
                "drawn_at": _now(),
            }
            row = (connection.execute(tables.work.insert(), values).inserted_primary_key[0], seed)
        entry = Entry(*row)
    values = {
        "student": _text(work.student),
        "name": _text(work.name),
        "platform_id": _text(work.id),
        "lesson": work.lesson,
        "content_hash": work.content_hash,
        "work_id": entry.number if entry else None,
        "file": _text(work.file),
        "late": work.late,
        "problem": _text(work.problem),
        "note": _text(work.note),
    }
    table = tables.submission
    same = (
        (table.c.student == values["student"])
        & (table.c.lesson == work.lesson)
        & (table.c.content_hash == work.content_hash)
    )
    if not connection.execute(table.update().where(same), values).rowcount:
        connection.execute(table.insert(), {**values, "received_at": _now()})
    return entry


def _remove(connection: Any, number: int, version: str) -> None:
    from sqlalchemy import select

    tables = _tables()
    same = (tables.result.c.work_id == number) & (tables.result.c.course_version == version)
    old = select(tables.result.c.id).where(same)
    connection.execute(tables.exercise.delete().where(tables.exercise.c.result_id.in_(old)))
    connection.execute(tables.result.delete().where(same))


def _exercise_row(result: int, place: int, judged: Judged) -> dict[str, Any]:
    return {
        "result_id": result,
        "place": place,
        "exercise": judged.id,
        "status": judged.status,
        "score": judged.score,
        "message": _text(judged.message),
        "mistake": _text(judged.mistake),
        "case_title": _text(judged.case),
        "passed": judged.passed,
        "cases": judged.cases,
        "seconds": judged.seconds,
    }


def _read(connection: Any, numbers: list[int], version: str) -> dict[int, Graded]:
    from sqlalchemy import select

    tables = _tables()
    wanted = tables.result.c.work_id.in_(numbers) & (tables.result.c.course_version == version)
    rows = connection.execute(select(tables.result).where(wanted)).all()
    query = select(tables.exercise).where(tables.exercise.c.result_id.in_([row.id for row in rows]))
    exercises: dict[int, list[Judged]] = {row.id: [] for row in rows}
    for row in connection.execute(query.order_by(tables.exercise.c.result_id, tables.exercise.c.place)):
        exercises[row.result_id].append(
            Judged(
                row.exercise,
                row.status,
                row.score,
                row.message,
                row.mistake,
                row.case_title,
                row.passed,
                row.cases,
                row.seconds,
            )
        )
    return {
        row.work_id: Graded(row.seed, row.isolation, row.seconds, tuple(exercises[row.id]), row.note)
        for row in rows
    }


@dataclass(frozen=True)
class _Tables:
    metadata: Any
    version: Any
    work: Any
    submission: Any
    result: Any
    exercise: Any


@cache
def _tables() -> _Tables:
    from sqlalchemy import (
        BigInteger,
        Boolean,
        Column,
        DateTime,
        Float,
        ForeignKey,
        Integer,
        MetaData,
        String,
        Table,
        Text,
        UniqueConstraint,
    )

    metadata = MetaData()
    version = Table(
        "grading_version",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("version", Integer, nullable=False),
    )
    work = Table(
        "grading_work",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("lesson", String(10), nullable=False),
        Column("content_hash", String(64), nullable=False),
        Column("seed", BigInteger, nullable=False),
        Column("drawn_at", DateTime, nullable=False),
        UniqueConstraint("lesson", "content_hash"),
    )
    submission = Table(
        "grading_submission",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("student", String(300), nullable=False),
        Column("name", String(300), nullable=False),
        Column("platform_id", String(50), nullable=False),
        Column("lesson", String(10), nullable=False),
        Column("content_hash", String(64), nullable=False),
        Column("work_id", ForeignKey(work.c.id)),
        Column("file", Text, nullable=False),
        Column("late", Boolean, nullable=False),
        Column("problem", Text, nullable=False),
        Column("note", Text, nullable=False),
        Column("received_at", DateTime, nullable=False),
        UniqueConstraint("student", "lesson", "content_hash"),
    )
    result = Table(
        "grading_result",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("work_id", ForeignKey(work.c.id), nullable=False),
        Column("course_version", String(60), nullable=False),
        Column("seed", BigInteger, nullable=False),
        Column("isolation", Text, nullable=False),
        Column("seconds", Float, nullable=False),
        Column("note", Text, nullable=False),
        Column("graded_at", DateTime, nullable=False),
        UniqueConstraint("work_id", "course_version"),
    )
    exercise = Table(
        "grading_exercise",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("result_id", ForeignKey(result.c.id), nullable=False, index=True),
        Column("place", Integer, nullable=False),
        Column("exercise", String(200), nullable=False),
        Column("status", String(40), nullable=False),
        Column("score", Float, nullable=False),
        Column("message", Text, nullable=False),
        Column("mistake", Text, nullable=False),
        Column("case_title", Text, nullable=False),
        Column("passed", Integer, nullable=False),
        Column("cases", Integer, nullable=False),
        Column("seconds", Float, nullable=False),
        UniqueConstraint("result_id", "exercise"),
    )
    return _Tables(metadata, version, work, submission, result, exercise)


def _lock_at_once(engine: Any) -> None:
    """Begin SQLite's transactions with the write lock: then two graders wait for each other instead of
    failing.
    """
    from sqlalchemy import event

    @event.listens_for(engine, "connect")
    def _(connection: Any, record: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _sentences() -> Iterator[None]:
    """Turn any trouble with the database into one sentence."""
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

    try:
        yield
    except ImportError as error:
        raise Unavailable(
            f"The store needs the Python package {error.name}. Install it, then run this again."
        ) from error
    except (ArgumentError, NoSuchModuleError) as error:
        raise Unavailable(
            f"--store takes a SQLAlchemy URL, e.g. sqlite:///grades.sqlite: {error}."
        ) from error
    except (SQLAlchemyError, OSError) as error:
        detail = " ".join(str(getattr(error, "orig", None) or error).split())[:300]
        raise Unavailable(f"The store cannot be used: {detail}.") from error


def _is_conflict(error: Unavailable) -> bool:
    from sqlalchemy.exc import IntegrityError

    return isinstance(error.__cause__, IntegrityError)


def _text(text: str) -> str:
    """The text without what a database refuses: NUL characters and halves of characters."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
