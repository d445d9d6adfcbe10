"""A database of its own for each test, and warnings that start anew."""

import pytest

from course.progress import learner


@pytest.fixture
def path(tmp_path):
    return tmp_path / "progress.db"


@pytest.fixture
def url(path):
    return f"sqlite:///{path}"


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.delenv("COURSE_DB", raising=False)
    monkeypatch.setattr(learner, "_warned", set())
