"""What is kept, and what happens when it cannot be: real files, real processes, real errors."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from course.progress import Progress, store
from course.progress.store import Tally

ROOT = Path(__file__).parents[2]
AT_WORK = """
import sys
from course.progress import Progress
progress = Progress.open()
"""


def python(code, url, **options):
    """A Python process of its own that runs ``code`` with COURSE_DB set."""
    environment = {**os.environ, "COURSE_DB": url, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", AT_WORK + textwrap.dedent(code)],
        env=environment,
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def warnings_of(capsys):
    return [line for line in capsys.readouterr().err.splitlines() if line]


def newer_database(path):
    """A database as a later version might leave it."""
    progress = Progress.open(f"sqlite:///{path}")
    progress.record("check", "02.relu_backward", "passed")
    progress.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE clinic_version SET version = 2")
        connection.execute("ALTER TABLE clinic_attempt RENAME TO clinic_attempt_of_the_future")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def test_a_record_outlives_the_process_that_wrote_it(url):
    process = python("print(progress.record('check', '02.relu_backward', 'passed'))", url)
    assert process.communicate() == ("True\n", "")
    assert Progress.open(url).standing({})["02"].passed == 1


def test_passed_once_stays_passed_and_attempts_are_counted(url):
    progress = Progress.open(url)
    for outcome in ("not attempted", "not passed", "passed", "not passed"):
        assert progress.record("check", "01.softmax", outcome)
    assert progress.tallies() == {("check", "01.softmax"): Tally(passed=True, attempts=3)}


def test_an_attempt_carries_the_time_in_utc_and_its_detail(url, path):
    Progress.open(url).record("quiz", "01.q1", "not passed", "b")
    with closing(sqlite3.connect(path)) as connection:
        at, detail = connection.execute("SELECT at_utc, detail FROM clinic_attempt").fetchone()
    age = datetime.now(UTC) - datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert timedelta(0) <= age < timedelta(minutes=1)
    assert detail == "b"


def test_text_that_a_database_refuses_is_kept_without_the_offending_characters(url):
    assert Progress.open(url).record("check", "01.softmax", "not passed", "nul \0, surrogate \ud800")


def test_an_unknown_kind_is_a_mistake_of_the_caller(url):
    with pytest.raises(ValueError, match="check, quiz, prediction"):
        Progress.open(url).record("exam", "01.softmax", "passed")


def test_by_default_the_file_lies_in_the_users_data_directory(monkeypatch, tmp_path):
    monkeypatch.setattr("platformdirs.user_data_path", lambda app, appauthor: tmp_path / app)
    assert Progress.open().record("check", "00.double", "passed")
    assert (tmp_path / "gradient-clinic" / "progress.db").is_file()
    monkeypatch.undo()
    assert ROOT not in store.default_path().parents


def test_learners_who_share_a_database_are_kept_apart(url, monkeypatch):
    for name in ("ada", "bo"):
        monkeypatch.setenv("JUPYTERHUB_USER", name)
        progress = Progress.open(url)
        assert progress.tallies() == {}
        progress.record("check", "01.softmax", "passed")
    assert len(progress.tallies()) == 1


# Killed, or two at once


def test_a_kernel_killed_while_it_writes_loses_nothing_it_was_told_is_kept(url):
    process = python(
        """
        for number in range(100_000):
            progress.record("check", f"01.item{number}", "passed")
            print(number, flush=True)
        """,
        url,
    )
    for line in process.stdout:
        if int(line) == 150:
            process.send_signal(signal.SIGKILL)
            break
    told = [150, *(int(line) for line in process.stdout if line.endswith("\n"))]
    process.wait()
    process.stdout.close(), process.stderr.close()
    progress = Progress.open(url)
    kept = progress.tallies()
    assert {("check", f"01.item{number}") for number in range(max(told) + 1)} <= kept.keys()
    assert len(kept) <= max(told) + 2  # one more may have been committed and not yet told
    assert progress.record("check", "01.softmax", "passed")


def test_two_kernels_that_open_and_write_at_once_lose_nothing(url):
    code = """
        sys.stdin.readline()
        for number in range(200):
            assert progress.record("quiz", "01.q1", "passed", f"{sys.argv} {number}")
        print(progress.learner_seed())
        """
    processes = [python(code, url, stdin=subprocess.PIPE) for _ in range(2)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate() for process in processes]
    assert [error for _, error in answers] == ["", ""]
    assert answers[0] == answers[1]  # one seed, not two
    assert Progress.open(url).tallies() == {("quiz", "01.q1"): Tally(passed=True, attempts=400)}


def test_a_database_that_is_being_created_by_another_kernel_is_waited_for(url, path):
    processes = [python("print(progress.record('check', '00.double', 'passed'))", url) for _ in range(4)]
    assert {process.communicate() for process in processes} == {("True\n", "")}


def test_a_file_deleted_under_an_open_kernel_is_made_anew(url, path):
    progress = Progress.open(url)
    progress.record("check", "01.softmax", "passed")
    for beside in path.parent.iterdir():
        beside.unlink()
    assert progress.record("check", "01.mlp_forward", "passed")
    assert list(Progress.open(url).tallies()) == [("check", "01.mlp_forward")]


# The learner's seed


def test_the_seed_is_drawn_once_and_kept(url, tmp_path):
    first = Progress.open(url).learner_seed()
    assert 0 <= first < 2**31
    assert Progress.open(url).learner_seed() == first
    assert Progress.open(f"sqlite:///{tmp_path}/other.db").learner_seed() != first


def test_without_a_database_the_seed_is_the_users_own_and_nothing_is_said(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("")
    broken = f"sqlite:///{tmp_path}/file/progress.db"
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    ada = Progress.open(broken).learner_seed()
    assert ada == Progress.open(broken).learner_seed()
    assert 0 <= ada < 2**31
    monkeypatch.setenv("JUPYTERHUB_USER", "bo")
    assert Progress.open(broken).learner_seed() != ada
    assert warnings_of(capsys) == []


# A database that cannot be used: one line, and the lesson goes on


def goes_on_after_one_line(progress, capsys, pattern):
    """Records are refused politely, all else works, and a single line says why."""
    assert not progress.record("check", "01.softmax", "passed")
    assert not progress.record("check", "01.softmax", "passed")
    said = warnings_of(capsys)
    assert len(said) == 1, said
    assert re.fullmatch(rf"Progress is not kept: {pattern} The lesson goes on\.", said[0]), said[0]


def test_a_full_disk(url, capsys):
    progress = Progress.open(url)
    progress.record("check", "01.softmax", "not passed")
    with closing(progress._store._engine.raw_connection()) as connection:
        pages = connection.driver_connection.execute("PRAGMA page_count").fetchone()[0]
        connection.driver_connection.execute(f"PRAGMA max_page_count = {pages}")
    while progress.record("check", "01.softmax", "not passed", "x" * 5000):
        pass
    assert re.search(r"the disk that holds .*progress\.db is full\. Free some", capsys.readouterr().err)
    assert not progress.record("check", "01.softmax", "passed", "x" * 5000)
    assert warnings_of(capsys) == []
    assert progress.tallies()


def test_a_file_system_that_refuses_to_grow_the_file(url):
    process = python(
        """
        import resource
        assert progress.record("check", "01.softmax", "passed")
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
        kept = [progress.record("check", "01.mlp_forward", "not passed", "x" * 3000) for _ in range(100)]
        assert kept[0] and not kept[-1]
        print(progress.standing({})["01"].passed)
        """,
        url,
    )
    output, errors = process.communicate()
    assert (output, process.returncode) == ("1\n", 0), errors
    assert re.fullmatch(r"Progress is not kept: .* The lesson goes on\.\n", errors)
    assert Progress.open(url).standing({})["01"].passed == 1


def test_a_real_disk_that_is_full(tmp_path, capsys):
    mount = shutil.which("mount")
    disk = tmp_path / "disk"
    disk.mkdir()
    if mount is None or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs Linux and root")
    mounting = [mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]
    if subprocess.run(mounting, capture_output=True).returncode:
        pytest.skip("this machine does not let root mount a disk")
    try:
        progress = Progress.open(f"sqlite:///{disk}/progress.db")
        while progress.record("check", "01.softmax", "passed", "x" * 3000):
            pass
        goes_on = Progress.open(f"sqlite:///{disk}/progress.db")
        assert not goes_on.record("check", "01.softmax", "passed", "x" * 3000)
        assert all(line.startswith("Progress is not kept: ") for line in warnings_of(capsys))
        progress.close(), goes_on.close()
        nothing_fits = Progress.open(f"sqlite:///{disk}/other.db")
        (disk / "filler").write_bytes(b"")
        assert isinstance(nothing_fits.learner_seed(), int)
        nothing_fits.close()
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_folder_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    progress = Progress.open(f"sqlite:///{tmp_path}/file/progress.db")
    goes_on_after_one_line(progress, capsys, r"the folder of .*progress\.db cannot be written \(.+\)\.")
    assert progress.standing({})["01"].passed == 0
    assert "next: exercise 00.double" in progress.text_report()


def test_a_file_that_may_only_be_read_still_shows_what_was_passed(url, path):
    progress = Progress.open(url)
    progress.record("check", "01.softmax", "passed")
    progress.close()
    before = path.read_bytes()
    process = python(
        """
        import sqlite3
        connect = sqlite3.connect
        def read_only(*given, **options):  # root may write anything, so the rights are taken here
            connection = connect(*given, **options)
            connection.execute("PRAGMA query_only = 1")
            return connection
        sqlite3.connect = sqlite3.dbapi2.connect = read_only
        print(progress.record("check", "01.mlp_forward", "passed"), progress.standing({})["01"].passed)
        """,
        url,
    )
    output, errors = process.communicate()
    assert output == "False 1\n", errors
    assert "cannot be written" in errors
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("url", "pattern"),
    [
        ("postgresql+pg8000://localhost/clinic", r"the Python package pg8000 is missing\. .*"),
        ("nosuch://localhost/clinic", r"COURSE_DB names a kind of database that SQLAlchemy does not know .*"),
        (
            "progress.db",
            r"COURSE_DB is no SQLAlchemy URL\. For a file write sqlite:////full/path/progress\.db\.",
        ),
        ("postgresql://host:port/clinic", r"COURSE_DB .*"),
    ],
    ids=["driver missing", "kind unknown", "no URL", "port is no number"],
)
def test_a_url_that_cannot_be_used(url, pattern, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pg8000", None)
    goes_on_after_one_line(Progress.open(url), capsys, pattern)


def test_sqlalchemy_missing(url, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    progress = Progress.open(url)
    goes_on_after_one_line(progress, capsys, r"the Python package sqlalchemy is missing\. .*")
    assert isinstance(progress.learner_seed(), int)


def test_a_password_is_never_shown(capsys):
    progress = Progress.open("sqlite+nosuch://ada:secret@localhost/clinic")
    progress.record("check", "01.softmax", "passed")
    assert "secret" not in capsys.readouterr().err


def test_a_database_kept_locked_is_not_waited_for_again_and_again(url, path, capsys, monkeypatch):
    progress = Progress.open(url)
    progress.record("check", "01.softmax", "passed")
    progress.close()
    monkeypatch.setattr(store, "BUSY_SECONDS", 1.1)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert not progress.record("check", "01.softmax", "passed")
        begun = time.monotonic()
        assert not progress.record("check", "01.softmax", "passed")
        assert time.monotonic() - begun < 0.5
    assert re.search("another program keeps .* locked", capsys.readouterr().err)


# A file that must not be touched


@pytest.mark.parametrize("damage", ["text", "torn off", "overwritten inside", "random"])
def test_a_damaged_file_is_refused_and_untouched(damage, url, path, capsys):
    progress = Progress.open(url)
    for number in range(300):
        progress.record("check", f"01.item{number}", "passed", "x" * 100)
    progress.close()
    sound = path.read_bytes()
    path.write_bytes(
        {
            "text": b"my notes\n" * 500,
            "torn off": sound[: len(sound) // 2],
            "overwritten inside": sound[:4096] + b"\xff" * 20_000 + sound[24_096:],
            "random": bytes(range(256)) * 64,
        }[damage]
    )
    before = path.read_bytes()
    goes_on_after_one_line(Progress.open(url), capsys, r"the file .*progress\.db is damaged or is .*")
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_database_from_a_newer_version_is_refused_and_untouched(url, path, capsys):
    newer_database(path)
    before = path.read_bytes()
    progress = Progress.open(url)
    goes_on_after_one_line(progress, capsys, r".*progress\.db was written by a newer version of .*")
    assert progress.standing({})["02"].passed == 0
    assert isinstance(progress.learner_seed(), int)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_newer_database_that_is_in_use_keeps_its_write_ahead_log_too(url, path, capsys):
    newer_database(path)
    killed_in_use = f"""if True:
        import os, sqlite3
        connection = sqlite3.connect({str(path)!r})
        connection.execute("CREATE TABLE later (a)")
        connection.commit()
        os._exit(0)
        """
    subprocess.run([sys.executable, "-c", killed_in_use], check=True)
    before = [(path.parent / name).read_bytes() for name in ("progress.db", "progress.db-wal")]
    assert before[1]
    assert not Progress.open(url).record("check", "01.softmax", "passed")
    assert [(path.parent / name).read_bytes() for name in ("progress.db", "progress.db-wal")] == before


# Another database


@pytest.mark.skipif("COURSE_TEST_DB" not in os.environ, reason="COURSE_TEST_DB names no server to test with")
class TestOnAServer:
    """The same on the server whose URL is in COURSE_TEST_DB, e.g. an empty PostgreSQL database."""

    @pytest.fixture
    def server(self):
        from sqlalchemy import create_engine

        url = os.environ["COURSE_TEST_DB"]
        yield url
        engine = create_engine(url)
        store._tables().metadata.drop_all(engine)
        engine.dispose()

    def test_attempts_are_kept_and_the_best_counts(self, server):
        progress = Progress.open(server)
        for outcome in ("not attempted", "passed", "not passed"):
            assert progress.record("check", "01.softmax", outcome, "nul \0, surrogate \ud800")
        assert progress.tallies() == {("check", "01.softmax"): Tally(passed=True, attempts=2)}
        assert Progress.open(server).learner_seed() == progress.learner_seed()
        progress.close()

    def test_two_kernels_that_create_it_at_once_lose_nothing(self, server):
        code = """
            for number in range(50):
                assert progress.record("quiz", "01.q1", "passed")
            print(progress.learner_seed())
            """
        processes = [python(code, server) for _ in range(3)]
        answers = {process.communicate() for process in processes}
        assert len(answers) == 1
        assert answers.pop()[1] == ""
        progress = Progress.open(server)
        assert progress.tallies()["quiz", "01.q1"].attempts == 150
        progress.close()

    def test_a_newer_version_is_refused(self, server, capsys):
        progress = Progress.open(server)
        progress.record("check", "01.softmax", "passed")
        with progress._store._transaction(writes=True) as connection:
            connection.execute(store._tables().version.update().values(version=2))
        progress.close()
        goes_on_after_one_line(Progress.open(server), capsys, r".* was written by a newer version of .*")


def test_a_server_that_does_not_answer_is_left_alone(capsys):
    pytest.importorskip("psycopg", reason="no PostgreSQL driver here")
    progress = Progress.open("postgresql+psycopg://ada:secret@127.0.0.1:1/clinic")
    assert not progress.record("check", "01.softmax", "passed")
    said = warnings_of(capsys)
    assert len(said) == 1 and "secret" not in said[0]
