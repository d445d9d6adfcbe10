"""A tiny lesson in a temporary folder, to build without the real ones."""

import shutil
import textwrap
from pathlib import Path

import pytest

from course.build import build
from course.syllabus import Lesson

LESSON = """\
---
kernelspec: {name: python3, display_name: Python 3, language: python}
---

# Small lesson

Some text.

```{code-cell} ipython3
print("hello")
```

+++ {"tags": ["instructor"]}

For *them* only.
"""

EXERCISES = """\
---
kernelspec: {name: python3, display_name: Python 3, language: python}
---

# Small exercises

Double a number.

```{code-cell} ipython3
def check(name, function):
    try:
        print(name, function(2) == 4)
    except NotImplementedError:
        print(name, "not attempted")
```

```{code-cell} ipython3
def double(x):
    \"\"\"Twice x.\"\"\"
    # solution
    twice = 2 * float(x)
    return twice
    # end solution
```

```{code-cell} ipython3
check("77.double", double)
```
"""


class SmallLesson(Lesson):
    """A lesson whose folder is not inside the package."""

    @property
    def folder(self) -> Path:
        return self.home

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(textwrap.dedent(text), encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))


def small_lesson(home: Path) -> SmallLesson:
    """The lesson 77, with the two sources above in ``home``."""
    lesson = SmallLesson("77", "small", "Small lesson", "Part", 5, ("do it",), (), {"double": 1.0})
    object.__setattr__(lesson, "home", home)
    home.mkdir()
    lesson.write("lesson.md", LESSON)
    lesson.write("exercises.md", EXERCISES)
    return lesson


def empty_house(root: Path) -> Path:
    """A repository with nothing but a README."""
    root.mkdir()
    (root / "README.md").write_text("# House\n\n<!-- syllabus -->\n<!-- end syllabus -->\n", encoding="utf-8")
    return root


@pytest.fixture
def small(tmp_path):
    """A lesson with one exercise."""
    return small_lesson(tmp_path / "sources")


@pytest.fixture
def plain(small):
    """The same without its exercise: one kernel less to wait for."""
    small.exercises.clear()
    (small.folder / "exercises.md").unlink()
    return small


@pytest.fixture
def house(tmp_path):
    """An empty repository."""
    return empty_house(tmp_path / "house")


@pytest.fixture(scope="session")
def built_once(tmp_path_factory):
    """A repository in which the small lesson was built."""
    folder = tmp_path_factory.mktemp("built")
    lesson, root = small_lesson(folder / "sources"), empty_house(folder / "house")
    assert build([lesson], [lesson], root) == []
    return root


@pytest.fixture
def built(built_once, tmp_path):
    """A copy of it, to change."""
    return shutil.copytree(built_once, tmp_path / "built")
