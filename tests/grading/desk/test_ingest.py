"""What students send, in every odd shape, becomes one piece of work per student and lesson, and nobody is
lost.
"""

import json
import stat
import zipfile

import pytest

from course.grading import archives, ingest, names, notebooks
from tests.grading.desk.conftest import notebook


def works(sent, lesson=""):
    return {(work.student, work.lesson): work for work in ingest.ingest([sent.folder], lesson)}


def zipped(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in entries.items():
            archive.writestr(name, text)
    return path


# ---- who


@pytest.mark.parametrize(
    ("path", "key", "name", "late"),
    [
        ("doejane_12345_67890_02_backward_pass.ipynb", "doejane_12345", "doejane", False),
        ("doejane_LATE_12345_67890_hw-1.ipynb", "doejane_12345", "doejane", True),
        ("o_brienann_9_8_hw.ipynb", "o_brienann_9", "o_brienann", False),
        ("anon_Ab3xY_67890_hw.ipynb", "anon_Ab3xY", "anon", False),
        ("Jane Doe_1234567_assignsubmission_file/hw.ipynb", "Jane Doe_1234567", "Jane Doe", False),
        ("Jane Doe_1234567_assignsubmission_file_hw.ipynb", "Jane Doe_1234567", "Jane Doe", False),
        ("Ünal Ç_12_assignsubmission_file_/02.ipynb", "Ünal Ç_12", "Ünal Ç", False),
        ("jane/02_backward_pass.ipynb", "jane", "jane", False),
        ("jane/week 2/02_backward_pass.ipynb", "jane", "jane", False),
        ("Jane_02_backward_pass.ipynb", "Jane", "Jane", False),
        ("02_backward_pass-jane (1).ipynb", "jane", "jane", False),
        ("jane.ipynb", "jane", "jane", False),
        ("02_backward_pass.ipynb", "class", "class", False),
    ],
)
def test_the_name_of_a_file_tells_who_sent_it(path, key, name, late):
    found = names.sender(path.split("/"), "class")
    assert (found.key, found.name, found.late) == (key, name, late)


def test_a_folder_around_the_whole_class_names_nobody(sent):
    for student in ("ann", "bob"):
        sent(f"export/week2/{student}/02_backward_pass.ipynb", notebook("x = 1"))
    assert set(works(sent)) == {("ann", "02"), ("bob", "02")}


def test_two_lessons_in_one_folder_are_one_students(sent):
    sent("ann/01_forward_pass.ipynb", notebook("x = 1", lesson="01"))
    sent("ann/02_backward_pass.ipynb", notebook("x = 1"))
    assert set(works(sent)) == {("ann", "01"), ("ann", "02")}


def test_two_students_of_one_name_stay_two(sent):
    sent("doejane_1_7_02.ipynb", notebook("x = 1"))
    sent("doejane_2_8_02.ipynb", notebook("x = 2"))
    assert len(works(sent)) == 2


def test_the_newest_of_several_notebooks_counts_and_the_others_are_named(sent):
    sent("doejane_1_7_02.ipynb", notebook("old = 1"))
    sent("doejane_1_7_02-2.ipynb", notebook("new = 1"))
    sent("doejane_1_7_02-1.ipynb", notebook("between = 1"))
    work = works(sent)["doejane_1", "02"]
    assert work.cells == ("new = 1",)
    assert "Of 3 notebooks the newest, doejane_1_7_02-2.ipynb, counts" in work.note


def test_a_readable_notebook_counts_though_a_newer_file_is_broken(sent):
    sent("doejane_1_7_02_backward_pass.ipynb", notebook("good = 1"))
    sent("doejane_1_7_02_backward_pass-1.ipynb", "{")
    work = works(sent)["doejane_1", "02"]
    assert work.cells == ("good = 1",) and not work.problem
    assert "not valid JSON" in work.note


def test_pictures_and_litter_say_nothing_beside_a_notebook(sent):
    sent("ann/02_backward_pass.ipynb", notebook("x = 1"))
    sent("ann/plot.png", b"png")
    sent("ann/.ipynb_checkpoints/02_backward_pass-checkpoint.ipynb", notebook("old = 1"))
    sent("ann/__MACOSX/._02.ipynb", b"\0")
    (work,) = works(sent).values()
    assert work.cells == ("x = 1",) and work.note == ""


def test_a_student_without_a_notebook_is_told_so(sent):
    sent("ann/02_backward_pass.ipynb", notebook("x = 1"))
    sent("Bob B_7_assignsubmission_file/report.pdf", b"%PDF")
    assert "No notebook was sent (report.pdf is none)" in works(sent)["Bob B_7", "02"].problem


# ---- which lesson


@pytest.mark.parametrize(
    ("cells", "metadata", "file", "lesson"),
    [
        (["x = 1"], "02", "hw.ipynb", "02"),
        (["x = 1"], "", "02_backward_pass.ipynb", "02"),
        (["check('02.relu_backward', relu_backward)"], "", "hw.ipynb", "02"),
        (["def relu_backward(x, dy):\n    return dy"], "", "hw.ipynb", "02"),
        (["def softmax(x):\n    return x"], "", "hw.ipynb", "01"),
        (["def softmax(x):\n    return x"], "02", "02_backward_pass.ipynb", "02"),
        (["def softmax(x):\n    return x"], "02", "hw.ipynb", "01"),
        (["x = 1"], "99", "hw.ipynb", ""),
        (["check('99.nothing', f)"], "", "hw.ipynb", ""),
    ],
)
def test_the_lesson_goes_by_majority_and_the_code_has_the_last_word(cells, metadata, file, lesson):
    code = notebooks.read(notebook(*cells, lesson=metadata).encode())
    assert notebooks.lesson_of(code, file) == lesson


def test_what_tells_no_lesson_belongs_to_the_only_one_of_the_class(sent):
    sent("ann/02_backward_pass.ipynb", notebook("x = 1"))
    sent("bob/hw.ipynb", notebook("y = 1", lesson=""))
    sent("eve/hw.ipynb", "")
    found = works(sent)
    assert set(found) == {("ann", "02"), ("bob", "02"), ("eve", "02")}
    assert not found["bob", "02"].problem


def test_what_tells_no_lesson_among_several_is_a_row_with_the_reason(sent):
    sent("ann/1.ipynb", notebook("x = 1", lesson="01"))
    sent("ben/2.ipynb", notebook("x = 1", lesson="02"))
    sent("bob/hw.ipynb", notebook("y = 1", lesson=""))
    assert "Name it with --lesson" in works(sent)["bob", ""].problem


def test_a_named_lesson_holds_for_all(sent):
    sent("ann/02_backward_pass.ipynb", notebook("x = 1"))
    assert set(works(sent, lesson="01")) == {("ann", "01")}


# ---- what a notebook may look like


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b"{", "not valid JSON"),
        (b"[1, 2]", "JSON list, not a notebook"),
        (b"null", "JSON NoneType, not a notebook"),
        (b"{}", "no list of cells"),
        (b'{"cells": {}}', "no list of cells"),
        (b'{"cells": []}', "no code in it"),
        (notebook("  ", "\n").encode(), "no code in it"),
        (b"\xff\xfe\x00\xd8", "not text in UTF-8"),
        (b"\x80abc", "not text in UTF-8"),
        (b"[" * 200_000, "not valid JSON"),
        (b'{"cells": ' + b"9" * 100_000 + b"}", "not valid JSON"),
        (b'{"nbformat": 3, "worksheets": 5}', "format 3 and cannot be converted"),
        (notebook("x" * 2_000_000).encode(), "2,000,000 characters of code"),
    ],
    ids=range(15),
)
def test_what_is_no_notebook_is_told_why(data, reason):
    with pytest.raises(notebooks.NotGradable, match=reason):
        notebooks.read(data)


def test_odd_but_readable_notebooks_keep_their_code():
    odd = json.dumps(
        {
            "cells": [
                {"cell_type": "code", "source": ["a = 1\n", "b = 2"]},
                {"cell_type": "code"},
                "no cell at all",
                {"cell_type": "markdown", "source": "text"},
                {"cell_type": "code", "source": "c = '\ud800'"},
            ]
        }
    )
    assert notebooks.read(b"\xef\xbb\xbf" + odd.encode()).cells == ("a = 1\nb = 2", "", "c = '?'")
    assert notebooks.read(odd.encode("utf-16")).cells[0] == "a = 1\nb = 2"


def test_a_notebook_of_the_third_format_is_read():
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": "hw"},
        "worksheets": [
            {
                "metadata": {},
                "cells": [
                    {
                        "cell_type": "code",
                        "input": ["a = 1\n", "b = 2"],
                        "language": "python",
                        "outputs": [],
                        "collapsed": False,
                        "metadata": {},
                    }
                ],
            }
        ],
    }
    assert notebooks.read(json.dumps(old).encode()).cells == ("a = 1\nb = 2",)


def test_outputs_and_metadata_do_not_change_the_hash_but_code_does():
    one = notebooks.read(notebook("a = 1").encode())
    other = notebooks.read(notebook("a = 1", lesson="01", extra={"x": 1}).encode())
    assert one.content_hash == other.content_hash
    assert one.content_hash != notebooks.read(notebook("a = 2").encode()).content_hash
    assert (
        notebooks.read(notebook("ab").encode()).content_hash
        != notebooks.read(notebook("a", "b").encode()).content_hash
    )


@pytest.mark.parametrize(
    ("cell", "answers"),
    [
        ("answers = {'q1': 'b', 'q2': 0.5}", {"q1": "b", "q2": 0.5}),
        ("# my answers\nanswers: dict = {'q1': ['a', 'c']}", {"q1": ["a", "c"]}),
        ("%matplotlib inline\nanswers = {1: None}", {"1": None}),
        ("answers = {'q1': open('/etc/passwd').read()}", {}),
        ("answers = dict(q1='b')", {}),
        ("answers = ['b']", {}),
        ("answers = {" + "[" * 5000 + "}", {}),
        ("answers = {'q1': " + "-" * 15_000 + "1}", {}),
        ("answers = {'q1': 1" + "+1" * 9000 + "}", {}),
        ("answers = {'q1': " + "9" * 10_000 + "}", {}),
        ("answers = {'q1': '" + "x" * 30_000 + "'}", {}),
        ("answers == {'q1': 'b'}", {}),
    ],
    ids=range(12),
)
def test_only_plain_answers_are_read_and_nothing_is_run(cell, answers):
    assert notebooks.read(notebook("x = 1", cell).encode()).answers == answers


def test_the_last_answers_count_and_unreadable_ones_are_noted():
    code = notebooks.read(notebook("answers = {'q1': 'a'}", "answers = {'q1': 'b'}").encode())
    assert (code.answers, code.note) == ({"q1": "b"}, "")
    code = notebooks.read(notebook("answers = {'q1': f()}").encode())
    assert "Write them plainly" in code.note


# ---- zips


def test_a_zip_of_canvas_is_read_without_unpacking_it(tmp_path):
    path = zipped(
        tmp_path / "submissions.zip",
        {"doejane_1_7_02.ipynb": notebook("x = 1"), "roejohn_LATE_2_8_02.ipynb": notebook("y = 1")},
    )
    found = ingest.ingest([path])
    assert [(work.student, work.late) for work in found] == [("doejane_1", False), ("roejohn_2", True)]
    assert list(tmp_path.iterdir()) == [path]


def test_a_zip_of_moodle_with_a_folder_around_it(tmp_path):
    names = [f"{name}_{i}_assignsubmission_file/02.ipynb" for i, name in enumerate(("Ann Lee", "Bo Øl"))]
    path = zipped(tmp_path / "class.zip", {f"week 2/{name}": notebook("x = 1") for name in names})
    assert [work.student for work in ingest.ingest([path])] == ["Ann Lee_0", "Bo Øl_1"]


def test_a_students_own_zip_among_the_submissions(sent):
    zipped(sent.folder / "doejane_1_7_work.zip", {"work/02_backward_pass.ipynb": notebook("x = 1")})
    zipped(sent.folder / "ann.zip", {"02_backward_pass.ipynb": notebook("x = 1")})
    assert set(works(sent)) == {("doejane_1", "02"), ("ann", "02")}


def test_a_classs_zip_in_a_folder_is_not_taken_for_one_student(sent):
    zipped(
        sent.folder / "section 2.zip", {"ann/02.ipynb": notebook("x = 1"), "bob/02.ipynb": notebook("x = 2")}
    )
    assert set(works(sent)) == {("ann", "02"), ("bob", "02")}


def linked(name):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../../eve.ipynb", "points outside the zip"),
        ("/etc/eve.ipynb", "points outside the zip"),
        ("C:\\eve.ipynb", "points outside the zip"),
        ("a\\..\\..\\eve.ipynb", "points outside the zip"),
        ("eve/inner.zip", "An archive inside an archive"),
        ("eve/inner.tar.gz", "An archive inside an archive"),
        (linked("eve.ipynb"), "is a link"),
    ],
    ids=range(7),
)
def test_tricks_in_zips_become_rows_with_the_reason(tmp_path, name, reason):
    entry = "eve.ipynb" if not isinstance(name, str) else name
    path = zipped(tmp_path / "class.zip", {name: "/etc/passwd", "good/02.ipynb": notebook("x = 1")})
    found = {work.student: work for work in ingest.ingest([path])}
    assert len(found) == 2 and found["good"].problem == ""
    (bad,) = (work for student, work in found.items() if student != "good")
    assert reason in bad.problem, entry
    assert not list(tmp_path.rglob("eve*"))


def test_a_bomb_is_read_no_further_than_its_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_NOTEBOOK", 1_000_000)
    path = zipped(
        tmp_path / "class.zip", {"eve/02.ipynb": b" " * 20_000_000, "good/02.ipynb": notebook("x = 1")}
    )
    found = {work.student: work for work in ingest.ingest([path])}
    assert "20 MB large; the limit is 1 MB" in found["eve"].problem
    assert not found["good"].problem


def test_the_sizes_that_a_zip_claims_are_not_believed(tmp_path):
    path = zipped(tmp_path / "class.zip", {"eve/02.ipynb": b" " * 3_000_000})
    data = path.read_bytes().replace((3_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(data)
    (work,) = ingest.ingest([path])
    assert work.student == "class" or work.problem


def test_many_large_entries_together_have_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_UNPACKED", 2_500_000)
    path = zipped(tmp_path / "class.zip", {f"s{i}/02.ipynb": b" " * 1_000_000 for i in range(4)})
    found = ingest.ingest([path])
    assert len(found) == 4
    assert sum("unpacks to more than" in work.problem for work in found) == 2


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 but no zip", b"x" * 1000])
def test_a_broken_zip_is_a_row(sent, data):
    sent("ann/02_backward_pass.ipynb", notebook("x = 1"))
    sent("doejane_1_7_work.zip", data)
    assert "The zip cannot be read" in works(sent)["doejane_1", "02"].problem


def test_links_in_folders_are_not_followed(sent, tmp_path):
    (tmp_path / "secret.ipynb").write_text(notebook("stolen = 1"))
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "02.ipynb").write_text(notebook("stolen = 1"))
    sent("ann/02_backward_pass.ipynb", notebook("x = 1"))
    (sent.folder / "eve").mkdir()
    (sent.folder / "eve" / "02_backward_pass.ipynb").symlink_to(tmp_path / "secret.ipynb")
    (sent.folder / "mal").symlink_to(tmp_path / "others")
    found = works(sent)
    assert "links are not followed" in found["eve", "02"].problem
    assert "links are not followed" in found["mal", "02"].problem
    assert all("stolen" not in "".join(work.cells) for work in found.values())


def test_a_file_of_100_mb_is_a_row(sent):
    sent("ann/02_backward_pass.ipynb", notebook("x = 1"))
    with open(sent("eve/02_backward_pass.ipynb", ""), "wb") as file:
        file.truncate(100_000_000)
    assert "100 MB large; the limit is 50 MB" in works(sent)["eve", "02"].problem


@pytest.mark.parametrize("name", ["nowhere", "notes.txt"])
def test_what_holds_no_notebooks_is_refused_with_a_sentence(tmp_path, name):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(archives.Unreadable, match="notebook"):
        ingest.ingest([tmp_path / name])
