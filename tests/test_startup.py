"""A quiet, seeded start: nothing of TensorFlow's start-up on the screen, and nothing hidden when it fails."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def python(code, **env):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env={**os.environ, **env}
    )


def test_tensorflow_starts_without_a_word_and_seeded():
    code = (
        "from course.startup import seed_everything\n"
        "seed_everything(3)\n"
        "import tensorflow as tf, keras\n"
        "first = tf.random.uniform((2,)).numpy().tolist(), keras.layers.Dense(2).name\n"
        "seed_everything(3)\n"
        "print(first[0] == tf.random.uniform((2,)).numpy().tolist())\n"
    )
    done = python(code)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_what_was_hidden_comes_back_when_the_import_fails(tmp_path):
    package = tmp_path / "tensorflow"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import os\nos.write(2, b'the library libx.so is missing\\n')\nraise ImportError('no backend')\n"
    )
    code = "from course.startup import seed_everything\nseed_everything(0)\nimport tensorflow\n"
    done = python(code, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "the library libx.so is missing" in done.stderr
    assert "ImportError: no backend" in done.stderr


def test_without_tensorflow_the_import_error_is_the_usual_one():
    code = (
        "import sys\nfrom course.startup import seed_everything\nseed_everything(0)\n"
        "import importlib.machinery as m\nm.PathFinder.find_spec = classmethod(lambda *a: None)\n"
        "try:\n    import tensorflow\nexcept ModuleNotFoundError as error:\n    print(error)\n"
    )
    assert python(code).stdout == "No module named 'tensorflow'\n"
