"""The same grading on a Dask cluster of real processes, some of which die on the way."""

import contextlib
import os
import signal
import threading
import time

import pytest

from course.grading import desks
from course.grading.run import main
from course.grading.store import Graded, course_version
from tests.grading.desk.conftest import ROOT, notebook
from tests.grading.desk.test_run import a_class, rows, wait_for

dask = pytest.importorskip("dask", reason="dask is not installed (extra `grade`)")
distributed = pytest.importorskip("distributed", reason="distributed is not installed (extra `grade`)")
PRELOAD = "from tests.grading.desk.fake_engine import install; install()"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two worker processes that grade with the fake engine, each started again when it dies."""
    noted = tmp_path_factory.mktemp("dask") / "gradings"
    os.environ["GRADINGS"] = str(noted)  # the workers are children of this process
    os.environ["PYTHONPATH"] = str(ROOT)
    # By default the cluster would close workers that were away for a while, and a deadly job would get four
    # of them.
    patient = {"distributed.deploy.lost-worker-timeout": "600s", "distributed.scheduler.allowed-failures": 1}
    with (
        dask.config.set(patient),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            preload=[PRELOAD],
            silence_logs=50,
            local_directory=str(noted.parent),
        ) as made,
    ):
        made.noted = noted
        yield made
    del os.environ["GRADINGS"], os.environ["PYTHONPATH"]


def jobs(count, cell="# dense_backward: passed\n# slow: 0.1\nx = {i}"):
    version = course_version("02")
    return [desks.Job(i, f"s{i}", "02", (cell.format(i=i),), i, version) for i in range(count)]


def pids(cluster):
    with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
        return list(client.run(os.getpid).values())


def test_a_class_is_graded_on_a_cluster_though_workers_are_killed(sent, cluster, tmp_path):
    cluster.noted.write_text("")
    a_class(sent, 20, seconds=0.15)
    sent("eve_99_1_02.ipynb", notebook(f"# relu_backward: passed\n# die {tmp_path / 'died'}"))
    workers = pids(cluster)

    def kill():
        wait_for(cluster.noted, 4)
        for worker in workers:  # eve's notebook may have killed one of them already
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    out = tmp_path / "out"
    assert main([str(sent.folder), "--out", str(out), "--dask", cluster.scheduler_address]) == 0
    killer.join()
    assert (tmp_path / "died").exists() and not set(workers) & set(pids(cluster))
    marks = rows(out)
    assert len(marks) == 21 and marks.pop("eve_99")["points"] == "1"
    assert {row["points"] for row in marks.values()} == {"2"}
    graded = cluster.noted.read_text().splitlines()
    assert len({line.split()[0] for line in graded}) == 21
    before = len(graded)
    assert main([str(sent.folder), "--out", str(out), "--dask", cluster.scheduler_address]) == 0
    assert len(cluster.noted.read_text().splitlines()) == before, "work was graded twice"


def test_each_job_comes_back_once(cluster):
    done = [one for one in desks.on_dask(jobs(8), cluster.scheduler_address, False) if one]
    assert sorted(job.number for job, _ in done) == list(range(8))
    assert all(isinstance(outcome, Graded) and outcome.seed == job.seed for job, outcome in done)


def test_work_that_kills_every_worker_is_named_and_the_rest_is_graded(cluster):
    deadly = desks.Job(99, "eve", "02", ("# die always",), 1, course_version("02"))
    done = dict(one for one in desks.on_dask([*jobs(3), deadly], cluster.scheduler_address, False) if one)
    assert isinstance(done.pop(deadly), Exception)
    assert len(done) == 3 and all(isinstance(outcome, Graded) for outcome in done.values())


def test_a_worker_with_another_version_of_the_course_is_refused(cluster):
    (job,) = jobs(1)
    other = desks.Job(job.number, job.student, job.lesson, job.cells, job.seed, "0.0+other")
    with pytest.raises(desks.DeskError, match="Install the same one"):
        list(desks.on_dask([other], cluster.scheduler_address, False))


def test_stopping_early_takes_the_work_off_the_cluster(cluster):
    cluster.noted.write_text("")
    desk = desks.on_dask(jobs(30), cluster.scheduler_address, False)
    next(one for one in desk if one)
    desk.close()
    time.sleep(0.5)
    before = len(cluster.noted.read_text().splitlines())
    time.sleep(1)
    assert len(cluster.noted.read_text().splitlines()) == before < 20
