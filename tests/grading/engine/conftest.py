from __future__ import annotations

import pytest

from course.grading.engine import Engine, Limits
from tests.grading.engine import lesson


@pytest.fixture(scope="package")
def engine():
    limits = Limits(cell_seconds=2, exercise_seconds=2, submission_seconds=60, memory=1 << 30)
    with Engine(workers=4, limits=limits, exercises=lesson.exercises) as engine:
        yield engine
