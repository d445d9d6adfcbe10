"""The store: nothing is lost, nothing is there twice, on SQLite and on a PostgreSQL server started for the
test.
"""

import os
import pwd
import shutil
import socket
import subprocess
import threading
import uuid
from pathlib import Path

import pytest

from course.grading.ingest import Work
from course.grading.store import Graded, Judged, Store, Unavailable, course_version

NASTY = "Robert'); DROP TABLE grading_work;-- \0 \ud800 \u202e <b>"
GRADED = Graded(
    7,
    "walls",
    1.5,
    (Judged("02.a", "passed", 1.0, passed=4, cases=4), Judged("02.b", "not passed", 0.25, NASTY)),
    "n",
)


def work(student="ann", content_hash="a" * 64, **changes):
    return Work(
        **{"student": student, "name": "Ann", "lesson": "02", "file": "x", "content_hash": content_hash}
        | changes
    )


def _postgres_programs():
    folders = [*os.environ.get("PATH", "").split(":"), *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
    return shutil.which("initdb", path=":".join(folders)), shutil.which("pg_ctl", path=":".join(folders))


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    """The URL of a PostgreSQL server of our own, on a free port, gone after the tests."""
    initdb, pg_ctl = _postgres_programs()
    if not (initdb and pg_ctl):
        pytest.skip("PostgreSQL's initdb and pg_ctl are not installed (apt install postgresql)")
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra `grade`)")
    user = {}
    folder = tmp_path_factory.mktemp("postgres")
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        user = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}
        folder = Path(subprocess.check_output(["mktemp", "-d", "/tmp/pgtest.XXXXXX"], text=True).strip())
        shutil.chown(folder, "nobody")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"
    run = {"check": True, "capture_output": True, "cwd": folder, **user}
    subprocess.run([initdb, "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-sync"], **run)
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    subprocess.run([pg_ctl, "-D", data, "-o", options, "-l", folder / "log", "-w", "start"], **run)
    yield f"postgresql+psycopg://tester@127.0.0.1:{port}/postgres"
    subprocess.run([pg_ctl, "-D", data, "-m", "immediate", "-w", "stop"], **run)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'grades.sqlite'}"
        return
    base = request.getfixturevalue("postgres")
    from sqlalchemy import create_engine

    name = f"test_{uuid.uuid4().hex}"
    engine = create_engine(base, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    yield f"{base.removesuffix('postgres')}{name}"


def test_a_seed_is_drawn_once_and_kept(url):
    with Store(url) as store:
        first = store.register([work(), work("bob"), work("eve", "b" * 64), work("x", problem="empty")])
    with Store(url) as store:
        again = store.register([work(), work("bob"), work("eve", "b" * 64), work("x", problem="empty")])
    assert first == again
    assert first[0] == first[1] and first[0].seed != first[2].seed and first[3] is None


def test_the_same_code_for_another_lesson_is_other_work(url):
    with Store(url) as store:
        one, other = store.register([work(), work(lesson="01")])
    assert one.number != other.number


def test_a_result_comes_back_as_it_was_saved_whatever_its_text(url):
    with Store(url) as store:
        (entry,) = store.register([work(NASTY, name=NASTY, file=NASTY, note=NASTY)])
        assert store.save(entry.number, "v1", GRADED)
    with Store(url) as store:
        found = store.results([entry.number], "v1")[entry.number]
        assert store.results([entry.number], "v2") == {}
    assert found.exercises[1].message == NASTY.replace("\0", "\ufffd").replace("\ud800", "?")
    assert (found.seed, found.isolation, found.exercises[0]) == (7, "walls", GRADED.exercises[0])


def test_a_result_is_saved_once_and_replaced_only_on_demand(url):
    other = Graded(7, "other walls", 1.0, ())
    with Store(url) as store:
        (entry,) = store.register([work()])
        assert store.save(entry.number, "v1", GRADED)
        assert not store.save(entry.number, "v1", other)
        assert store.results([entry.number], "v1")[entry.number].isolation == "walls"
        assert store.save(entry.number, "v1", other, anew=True)
        assert store.results([entry.number], "v1")[entry.number] == other


def test_two_graders_at_once_agree_on_seeds_and_lose_nothing(url):
    works = [work(f"s{i}", f"{i:064}") for i in range(30)]
    found, errors = [], []

    def grade():
        try:
            with Store(url) as store:
                entries = store.register(works)
                written = [store.save(entry.number, "v1", GRADED) for entry in entries]
                found.append((entries, sum(written)))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=grade) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert found[0][0] == found[1][0] == found[2][0]
    assert sum(written for _, written in found) == 30
    with Store(url) as store:
        assert len(store.results([entry.number for entry in found[0][0]], "v1")) == 30


def test_many_results_are_read_at_once(url):
    with Store(url) as store:
        entries = store.register([work(f"s{i}", f"{i:064}") for i in range(600)])
        store.save(entries[0].number, "v1", GRADED)
        store.save(entries[-1].number, "v1", GRADED)
        found = store.results([entry.number for entry in entries], "v1")
    assert set(found) == {entries[0].number, entries[-1].number}


def test_a_newer_store_is_left_alone(url):
    from sqlalchemy import create_engine

    with Store(url):
        pass
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE grading_version SET version = 99")
    engine.dispose()
    with pytest.raises(Unavailable, match="newer version"):
        Store(url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nonsense", "--store takes a SQLAlchemy URL"),
        ("nosuch://x", "--store takes a SQLAlchemy URL"),
        ("sqlite:////nowhere/at/all/x.sqlite", "unable to open"),
    ],
)
def test_a_store_that_cannot_be_used_says_so_in_a_sentence(url, reason):
    with pytest.raises(Unavailable, match=reason):
        Store(url)


def test_a_file_that_is_no_database_is_left_alone(tmp_path):
    path = tmp_path / "x.sqlite"
    path.write_text("these are my notes" * 100)
    with pytest.raises(Unavailable, match="not a database"):
        Store(f"sqlite:///{path}")
    assert path.read_text().startswith("these are my notes")


def test_the_version_of_the_course_belongs_to_the_lesson():
    assert course_version("01") != course_version("02")
    assert course_version("02") == course_version("02")
