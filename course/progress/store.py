"""The database of attempts. One row per attempt, one commit per row, so that a killed kernel loses nothing.

SQLite in the user's data directory by default; any SQLAlchemy URL in ``COURSE_DB``. Every trouble is raised
as :class:`Unavailable`, whose text is for the learner. SQLAlchemy is imported when it is first needed.
"""

from __future__ import annotations

import getpass
import os
import secrets
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

SCHEMA_VERSION = 1
BUSY_SECONDS = 5
SETTLE_SECONDS = 0.2
SEED_BITS = 31


class Unavailable(Exception):
    """The database cannot be used; the text is a clause that says why, and what to do."""


@dataclass(frozen=True)
class Tally:
    """What is known of one exercise, question or prediction."""

    passed: bool
    attempts: int


def default_path() -> Path:
    """The learner's own file, outside the repository."""
    from platformdirs import user_data_path

    return user_data_path("gradient-clinic", appauthor=False) / "progress.db"


def user_name() -> str:
    """The name of whoever runs this kernel: JupyterHub's, else the machine's, else ``learner``."""
    try:
        return os.environ.get("JUPYTERHUB_USER") or getpass.getuser()
    except (KeyError, OSError):
        return "learner"


class Store:
    """The attempts of one learner in one database.

    Parameters
    ----------
    url
        A SQLAlchemy URL. Without one the learner's own SQLite file is used. A database named by a URL may
        be shared by a class, so each row there carries the user's name.

    Every method raises :class:`Unavailable` when the database cannot be used.
    """

    def __init__(self, url: str | None = None) -> None:
        self._given = url
        self._engine = None
        self._path: Path | None = None
        self._where = "COURSE_DB" if url else "your progress file"
        self._learner = user_name() if url else "me"

    def add(self, kind: str, item: str, outcome: str, detail: str) -> None:
        """Append one attempt and commit it."""
        row = {
            "learner": self._learner,
            "at_utc": datetime.now(UTC).replace(tzinfo=None),
            "kind": kind,
            "item": item,
            "outcome": outcome,
            "detail": _storable(detail),
        }
        with self._transaction(writes=True) as connection:
            connection.execute(_tables().attempt.insert(), row)

    def tallies(self) -> dict[tuple[str, str], Tally]:
        """``(kind, item ID)`` to its best outcome and number of attempts; "not attempted" is no attempt."""
        with self._transaction() as connection:
            from sqlalchemy import case, func, select

            table = _tables().attempt
            passed = func.max(case((table.c.outcome == "passed", 1), else_=0))
            tried = func.sum(case((table.c.outcome == "not attempted", 0), else_=1))
            query = select(table.c.kind, table.c.item, passed, tried).where(table.c.learner == self._learner)
            rows = connection.execute(query.group_by(table.c.kind, table.c.item)).all()
        return {(kind, item): Tally(bool(best), int(attempts)) for kind, item, best, attempts in rows}

    def seed(self) -> int:
        """The learner's seed, drawn at random when first asked for and kept."""
        with self._transaction() as connection:
            from sqlalchemy import select
            from sqlalchemy.exc import IntegrityError

            table = _tables().learner
            query = select(table.c.seed).where(table.c.learner == self._learner)
            kept = connection.execute(query).scalar()
        if kept is not None:
            return kept
        try:
            with self._transaction(writes=True) as connection:
                row = {"learner": self._learner, "seed": secrets.randbits(SEED_BITS)}
                connection.execute(table.insert(), row)
        except Unavailable as trouble:
            if not isinstance(trouble.__cause__, IntegrityError):
                raise
            # Another kernel drew the seed between our look and our write: its seed is the one.
        with self._transaction() as connection:
            return connection.execute(query).scalar_one()

    def close(self) -> None:
        """Let go of the database; the next use opens it again."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    @contextmanager
    def _transaction(self, writes: bool = False):
        """A connection in a transaction; every error becomes :class:`Unavailable`."""
        try:
            self._open()
            with _begin(self._engine, writes) as connection:
                yield connection
        except Unavailable:
            raise
        except Exception as error:  # drivers raise what they like, and none of it may stop a lesson
            raise Unavailable(_reason(error, self._where)) from error

    def _open(self) -> None:
        if self._engine is not None and self._path is not None and not self._path.exists():
            self.close()  # the learner deleted the file: start a new one instead of writing to a ghost
        if self._engine is None:
            engine = self._new_engine()
            _ensure_schema(engine, self._where)
            self._engine = engine

    def _new_engine(self):
        from sqlalchemy import URL, create_engine

        url = _parse(self._given) if self._given else URL.create("sqlite", database=str(default_path()))
        backend = url.get_backend_name()
        self._where = url.render_as_string(hide_password=True)
        if backend != "sqlite":
            # A server that does not answer must not hold a lesson for minutes.
            limit = {"connect_timeout": BUSY_SECONDS} if backend in ("postgresql", "mysql", "mariadb") else {}
            return create_engine(url, connect_args=limit, pool_pre_ping=True)
        if url.database and url.database != ":memory:" and not url.database.startswith("file:"):
            self._path, self._where = Path(url.database), url.database
            self._path.parent.mkdir(parents=True, exist_ok=True)
            _refuse_damaged_or_newer(self._path)
        engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
        _take_over_transactions(engine)
        return engine


def _parse(url: str):
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url)
    except (ArgumentError, ValueError) as error:
        raise Unavailable(
            "COURSE_DB is no SQLAlchemy URL. For a file write sqlite:////full/path/progress.db."
        ) from error


@dataclass(frozen=True)
class _Tables:
    metadata: object
    version: object
    learner: object
    attempt: object


@cache
def _tables() -> _Tables:
    """The tables. Portable types only; a prefix, since a server's database may hold other tables."""
    from sqlalchemy import Column, DateTime, Index, Integer, MetaData, String, Table, Text

    metadata = MetaData()
    version = Table(
        "clinic_version",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("version", Integer, nullable=False),
    )
    learner = Table(
        "clinic_learner",
        metadata,
        Column("learner", String(200), primary_key=True),
        Column("seed", Integer, nullable=False),
    )
    attempt = Table(
        "clinic_attempt",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("learner", String(200), nullable=False),
        Column("at_utc", DateTime, nullable=False),
        Column("kind", String(20), nullable=False),
        Column("item", String(200), nullable=False),
        Column("outcome", String(20), nullable=False),
        Column("detail", Text, nullable=False),
        Index("clinic_attempt_by_learner", "learner", "kind", "item"),
    )
    return _Tables(metadata, version, learner, attempt)


def _storable(text: str) -> str:
    """The text without what a database refuses: NUL characters and lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


@contextmanager
def _begin(engine, writes: bool):
    """A connection in a transaction that says whether it will write."""
    with engine.connect().execution_options(course_writes=writes) as connection, connection.begin():
        yield connection


def _take_over_transactions(engine) -> None:
    """Begin SQLite's transactions ourselves, as its driver begins them too late (not before DDL and reads).

    A transaction that will write takes the write lock at once: then the busy time-out applies, which it does
    not when a read transaction turns into a write.
    """
    from sqlalchemy import event

    @event.listens_for(engine, "connect")
    def _(connection, record) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous=NORMAL")

    @event.listens_for(engine, "begin")
    def _(connection) -> None:
        writes = connection.get_execution_options().get("course_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _refuse_damaged_or_newer(path: Path) -> None:
    """Look at an SQLite file without changing a byte of it, before anything opens it for writing."""
    import sqlite3

    if not path.exists() or path.stat().st_size == 0:
        return
    version, sound = None, False
    for patience in (SETTLE_SECONDS, 0):
        # No file beside it: nobody has it open. Then "immutable" reads it and leaves nothing beside it.
        in_use = any(Path(f"{path}-{beside}").exists() for beside in ("wal", "journal"))
        try:
            version, sound = _look(path, "mode=ro" if in_use else "immutable=1")
        except sqlite3.OperationalError:
            return  # locked, or a journal waits to be rolled back: opening it for writing settles that
        except sqlite3.DatabaseError:
            pass
        if sound:
            break
        time.sleep(patience)  # another kernel may be creating it at this moment
    if not sound:
        raise Unavailable(
            f"the file {path} is damaged or is no progress file. "
            "It is left as it is: move it away to start anew."
        )
    if version is not None and version > SCHEMA_VERSION:
        raise Unavailable(_newer(path, version))


def _look(path: Path, mode: str) -> tuple[int | None, bool]:
    """The schema version in an SQLite file (None without one) and whether the file is sound."""
    import sqlite3

    uri = f"{path.resolve().as_uri()}?{mode}"
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as connection:
        sound = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'clinic_version'").fetchone()
        row = connection.execute("SELECT max(version) FROM clinic_version").fetchone() if known else None
    return (row[0] if row else None), sound


def _newer(where: object, version: int) -> str:
    return (
        f"{where} was written by a newer version of the course (its form is {version}, this version knows "
        f"{SCHEMA_VERSION}). It is left as it is: update the course."
    )


def _ensure_schema(engine, where: str) -> None:
    """Create the tables when there are none; refuse a database from a newer version.

    Another kernel may be doing the same at this moment, so a failure is looked at again before it counts.
    """
    from sqlalchemy.exc import DBAPIError

    for attempt in range(3):
        version = _version(engine)
        if version is not None and version > SCHEMA_VERSION:
            raise Unavailable(_newer(where, version))
        if version is not None:
            break
        try:
            with _begin(engine, writes=True) as connection:
                _tables().metadata.create_all(connection)
                connection.execute(_tables().version.insert(), {"id": 1, "version": SCHEMA_VERSION})
        except DBAPIError:
            if attempt == 2:
                raise
    if engine.dialect.name == "sqlite":
        _write_ahead(engine)


def _version(engine) -> int | None:
    from sqlalchemy import func, inspect, select

    if not inspect(engine).has_table("clinic_version"):
        return None
    with engine.connect() as connection:
        return connection.execute(select(func.max(_tables().version.c.version))).scalar()


def _write_ahead(engine) -> None:
    """Turn SQLite's write-ahead log on: readers and a writer do not wait for each other, commits are cheap.

    Where the file system cannot do it, or another kernel holds the file just now, the rollback journal does.
    """
    import sqlite3

    connection = engine.raw_connection()
    try:
        connection.driver_connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError:
        pass
    finally:
        connection.close()


def _reason(error: BaseException, where: str) -> str:
    """Why the database cannot be used, and what to do, as a clause."""
    text = " ".join(str(getattr(error, "orig", None) or error).split())
    if isinstance(error, ImportError):
        return f"the Python package {error.name or text} is missing. Install it with pip."
    if type(error).__name__ == "NoSuchModuleError":
        return f"COURSE_DB names a kind of database that SQLAlchemy does not know ({text})."
    for sign, reason in _SIGNS:
        if sign in text.lower():
            return reason.format(where=where)
    if isinstance(error, OSError):
        return f"the folder of {where} cannot be written ({error.strerror or text})."
    return f"the database {where} answers: {text[:200]}"


_SIGNS = (
    ("disk is full", "the disk that holds {where} is full. Free some space."),
    ("no space left", "the disk that holds {where} is full. Free some space."),
    ("readonly", "{where} cannot be written. Give yourself the right to write it."),
    ("read-only", "{where} cannot be written. Give yourself the right to write it."),
    ("unable to open", "{where} cannot be opened. Look at the rights of its folder."),
    ("not a database", "the file {where} is damaged or is no progress file. Move it away to start anew."),
    ("malformed", "the file {where} is damaged. Move it away to start anew."),
    ("locked", "another program keeps {where} locked. Close it."),
)
