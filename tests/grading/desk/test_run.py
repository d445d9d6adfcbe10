"""The command: marks for everybody, nothing lost when it is killed or stopped, nothing graded twice."""

import csv
import json
import os
import signal
import time

import pytest

from course.grading.run import main
from tests.grading.desk.conftest import notebook


def rows(out):
    with open(out / "grades.csv", encoding="utf-8-sig", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def a_class(sent, count, seconds=0.0):
    for i in range(count):
        sent(f"s{i}_{i}_1_02.ipynb", notebook(f"# dense_backward: passed\n# slow: {seconds}\nx = {i}"))


def wait_for(path, lines, seconds=30):
    until = time.monotonic() + seconds
    while not path.exists() or len(path.read_text().splitlines()) < lines:
        assert time.monotonic() < until, "the grader did not get that far"
        time.sleep(0.02)


def test_a_class_gets_its_marks(sent, gradings, tmp_path, capfd):
    sent("ann_1_1_02.ipynb", notebook("# dense_backward: passed\n# relu_backward: half"))
    sent("bob_2_1_02.ipynb", notebook("# dense_backward: not passed\n# planted_bugs: crashed"))
    sent("eve_3_1_02.ipynb", "{")
    assert main([str(sent.folder), "--out", str(tmp_path / "out"), "--workers", "2"]) == 0
    marks = rows(tmp_path / "out")
    assert {student: row["points"] for student, row in marks.items()} == {
        "ann_1": "2.5",
        "bob_2": "0",
        "eve_3": "0",
    }
    assert (marks["ann_1"]["02.dense_backward"], marks["ann_1"]["02.relu_backward"]) == ("2", "0.5")
    assert marks["eve_3"]["status"] == "nothing to grade" and "not valid JSON" in marks["eve_3"]["note"]
    result = json.loads((tmp_path / "out/students/ann_1/02/results.json").read_text())
    assert result["score"] == 2.5 and result["tests"][1]["score"] == 0.5
    assert "3 submissions of 3 students: 2 to grade" in capfd.readouterr().err


def test_a_second_run_grades_only_what_is_new(sent, gradings, tmp_path):
    arguments = [str(sent.folder), "--out", str(tmp_path / "out")]
    a_class(sent, 3)
    main(arguments)
    first = rows(tmp_path / "out")
    sent("new_9_1_02.ipynb", notebook("# dense_backward: passed\nx = 'new'"))
    sent("s0_0_1_02.ipynb", notebook("# relu_backward: passed"))
    main(arguments)
    assert len(gradings()) == 5
    second = rows(tmp_path / "out")
    assert second["s1_1"] == first["s1_1"] and second["s0_0"]["02.relu_backward"] == "1"


def test_grading_again_uses_the_same_seeds(sent, gradings, tmp_path, capfd):
    arguments = [str(sent.folder), "--out", str(tmp_path / "out")]
    a_class(sent, 3)
    main(arguments)
    main([*arguments, "--regrade"])
    seen = gradings()
    assert len(seen) == 6 and len(set(seen)) == 3
    assert len({line.split()[-1] for line in seen}) == 3
    assert "Graded again: 3 with the same marks, 0 with others." in capfd.readouterr().err


def test_the_same_code_is_graded_once_and_both_get_the_marks(sent, gradings, tmp_path):
    for student in ("ann", "bob"):
        sent(f"{student}_1_1_02.ipynb", notebook("# dense_backward: passed"))
    main([str(sent.folder), "--out", str(tmp_path / "out")])
    assert len(gradings()) == 1
    assert {row["points"] for row in rows(tmp_path / "out").values()} == {"2"}
    page = (tmp_path / "out/summary.html").read_text()
    assert "ann_1, bob_1" in page.split("The same code")[1]


def test_a_corrected_check_grades_anew(sent, gradings, tmp_path, monkeypatch):
    from course.grading import store

    a_class(sent, 2)
    main([str(sent.folder), "--out", str(tmp_path / "out")])
    monkeypatch.setattr(store, "course_version", lambda lesson: "corrected")
    main([str(sent.folder), "--out", str(tmp_path / "out")])
    assert len(gradings()) == 4


def test_what_the_engine_cannot_grade_is_no_zero_and_is_tried_again(sent, gradings, tmp_path, capfd):
    a_class(sent, 1)
    sent("bad_7_1_02.ipynb", notebook("# raise"))
    out = tmp_path / "out"
    assert main([str(sent.folder), "--out", str(out)]) == 1
    row = rows(out)["bad_7"]
    assert (row["status"], row["points"], row["percent"]) == ("not graded", "", "")
    assert "Not graded: bad_7, lesson 02: RuntimeError: the engine failed" in capfd.readouterr().err
    assert rows(out)["s0_0"]["points"] == "2"
    page = (out / "students/bad_7/02/feedback.html").read_text()
    assert "These are not marks yet" in page and "of 12 points" not in page


def test_required_isolation_that_is_not_there_stops_the_run(sent, gradings, tmp_path, capfd):
    a_class(sent, 2)
    assert main([str(sent.folder), "--out", str(tmp_path / "out"), "--require-isolation"]) == 2
    assert "Isolation is required" in capfd.readouterr().err
    assert not (tmp_path / "out" / "grades.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "give the submissions and --out DIR"),
        (["x", "--out", "o", "--lesson", "nonsense"], "There is no lesson 'nonsense'"),
        (["x", "--out", "o", "--workers", "0"], "a number from 1 to 256"),
        (["--format", "gradescope"], "needs --to DIR"),
    ],
)
def test_a_wrong_command_line_is_told_how_to_go_on(arguments, reason, capfd):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2 and reason in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nowhere", "--out", "o"], "There is no file or folder nowhere"),
        ([".", "--out", "o"], "no notebook was found"),
        (["{sent}", "--out", "o", "--store", "nonsense"], "--store takes a SQLAlchemy URL"),
        (["{sent}", "--out", "o", "--dask", "tcp://127.0.0.1:1"], "No Dask scheduler answers"),
    ],
)
def test_what_cannot_be_graded_is_one_sentence(
    arguments, reason, sent, tmp_path, monkeypatch, gradings, capfd
):
    if "--dask" in arguments:
        pytest.importorskip("distributed", reason="distributed is not installed (extra `grade`)")
        from course.grading import desks

        monkeypatch.setattr(desks, "PATIENCE", 1)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    a_class(sent, 1)
    assert main([argument.format(sent=sent.folder) for argument in arguments]) == 2
    error = capfd.readouterr().err
    assert reason in error and "Traceback" not in error


# ---- real processes


def test_killed_at_random_moments_nothing_is_lost_and_nothing_graded_twice(sent, grader, tmp_path):
    a_class(sent, 24, seconds=0.05)
    noted, out = tmp_path / "gradings", tmp_path / "out"
    for lines in (1, 6, 13):
        process = grader(sent.folder, "--out", out, "--workers", 2)
        wait_for(noted, lines)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    process = grader(sent.folder, "--out", out, "--workers", 2)
    error = process.communicate(timeout=60)[1]
    assert process.returncode == 0, error
    assert "graded before" in error
    marks = rows(out)
    assert len(marks) == 24 and {row["points"] for row in marks.values()} == {"2"}
    # What was being graded when the process was killed is graded again; what was stored is not.
    gradings = noted.read_text().splitlines()
    assert len({line.split()[0] for line in gradings}) == 24
    assert len(gradings) <= 24 + 3 * 4
    assert len(set(gradings)) == 24, "a seed changed between two gradings of the same work"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_soon_and_says_how_to_go_on(sent, grader, gradings, tmp_path, number):
    a_class(sent, 12, seconds=0.3)
    process = grader(sent.folder, "--out", tmp_path / "out", "--workers", 2)
    wait_for(tmp_path / "gradings", 2)
    began = time.monotonic()
    os.killpg(process.pid, number)
    error = process.communicate(timeout=20)[1]
    assert time.monotonic() - began < 5
    assert process.returncode == 130
    assert error.splitlines()[-1] == "Stopped. What is graded is stored; run the same command to finish."
    assert "Traceback" not in error
    main([str(sent.folder), "--out", str(tmp_path / "out"), "--workers", "12"])
    assert len(rows(tmp_path / "out")) == 12


def test_progress_without_a_terminal_is_a_line_with_rate_and_time_left(sent, gradings, tmp_path, capfd):
    a_class(sent, 3)
    main([str(sent.folder), "--out", str(tmp_path / "out")])
    error = capfd.readouterr().err
    assert "graded 3 of 3, " in error and "/s, 0 s left" in error
