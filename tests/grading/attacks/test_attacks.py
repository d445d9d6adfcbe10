"""Each attack keeps its honest marks, reads nothing, writes nothing and leaves nothing running."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
import time
from pathlib import Path

import psutil
import pytest

from course.grading.engine import Engine, Limits, Submission
from tests.grading.attacks import lesson
from tests.grading.attacks.catalogue import Attack, attacks

ATTACKS = attacks()
ROOT = Path(__file__).parents[3]
LIMITS = Limits(cell_seconds=2, exercise_seconds=2, submission_seconds=60, memory=1 << 29, threads=64)
pytestmark = pytest.mark.skipif(
    os.name != "posix" or not Path("/proc").exists(), reason="the walls are Linux's"
)


@pytest.fixture(scope="module")
def engine():
    os.environ["GRADER_SECRET"] = "the grader's secret"
    with Engine(limits=LIMITS, exercises=lesson.exercises) as engine:
        yield engine
    del os.environ["GRADER_SECRET"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """What an attacker would like to reach: files of others, a store, servers on this machine."""
    secret = tmp_path_factory.mktemp("secret")
    (secret / "grace.ipynb").write_text("the work of Grace")
    with sqlite3.connect(secret / "store.sqlite") as store:
        store.execute("create table marks as select 'grace' as student, 1.0 as score")
    store.close()
    servers = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)]
    address = f"/tmp/gradient-{os.getpid()}.sock"
    servers[1].bind(address)
    servers[1].listen()
    for server in servers:
        threading.Thread(target=_greet, args=(server,), daemon=True).start()
    yield {
        "@secret@": str(secret),
        "@course@": str(ROOT / "course"),
        "@repository@": str(ROOT),
        "@port@": str(servers[0].getsockname()[1]),
        "@unix@": address,
        "@pid@": str(os.getpid()),
    }
    for server in servers:
        server.close()
    os.unlink(address)


def _greet(server: socket.socket) -> None:
    while True:
        try:
            visitor, _ = server.accept()
        except OSError:
            return
        visitor.sendall(b"welcome")
        visitor.close()


def _submission(attack: Attack, world: dict[str, str]) -> Submission:
    cells = list(attack.notebook)
    for placeholder, value in world.items():
        cells = [cell.replace(placeholder, value) for cell in cells]
    return Submission("mallory", "98", tuple(cells))


def _fingerprint(world: dict[str, str]) -> dict[str, tuple[int, int]]:
    files = [*Path(world["@secret@"]).rglob("*"), *Path(world["@course@"]).glob("*.py")]
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in files}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.group}: {attack.name}")
def test_attack_gains_nothing(attack, engine, world):
    lesson.stolen.clear()
    before = _fingerprint(world)

    result = engine.grade(_submission(attack, world), seed=5)

    marks = {exercise.id: exercise for exercise in result.exercises}
    assert marks["98.double"].score == pytest.approx(attack.double), marks["98.double"]
    assert marks["98.mean"].score == 1.0, (marks["98.mean"], result.note)
    assert lesson.stolen in ([], [[]]), f"the attack got hold of {str(lesson.stolen)[:300]}"
    assert _fingerprint(world) == before
    assert not list(ROOT.glob("**/pwned*")) and not Path("/tmp/pwned").exists()
    zygote = psutil.Process(engine._sources["numpy"].process.pid)
    assert len(zygote.children(recursive=True)) == 1, "a solver is still running"
    for exercise in result.exercises:
        assert len(exercise.message) <= 600 and exercise.message.isprintable()
        assert len(exercise.mistake or "") <= 60


@pytest.mark.parametrize(
    "attack", [attack for attack in ATTACKS if attack.control], ids=lambda attack: attack.name
)
def test_attack_would_succeed_without_walls(attack, world):
    lesson.stolen.clear()
    warned = pytest.warns(RuntimeWarning, match="too little isolation")
    with Engine(limits=LIMITS, exercises=lesson.exercises, isolate=False) as open_engine, warned:
        open_engine.grade(_submission(attack, world), seed=5)
    assert lesson.stolen not in ([], [[]])


def test_there_are_at_least_forty_attacks():
    assert len(ATTACKS) >= 40
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


def test_nothing_survives_the_engine(world):
    with Engine(limits=LIMITS, exercises=lesson.exercises) as engine:
        engine.warm_up(tensorflow=False)
        process = psutil.Process(engine._sources["numpy"].process.pid)
        family = [process, *process.children(recursive=True)]
        assert len(family) == 2
    time.sleep(0.05)
    assert not any(member.is_running() and member.status() != psutil.STATUS_ZOMBIE for member in family)
