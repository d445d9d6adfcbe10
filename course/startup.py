"""Start a notebook quietly and the same way each time."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


def seed_everything(seed: int) -> None:
    """Seed Python's and NumPy's global generators, and TensorFlow's as soon as TensorFlow is imported."""
    import numpy as np

    random.seed(seed)
    np.random.seed(seed)
    if "tensorflow" in sys.modules:
        _prepare(sys.modules["tensorflow"], seed)
    else:
        sys.meta_path.insert(0, _QuietTensorFlow(seed))


@contextmanager
def hidden_stderr() -> Iterator[None]:
    """Hide what C++ code writes to file descriptor 2; give it back when the body raises.

    TensorFlow writes its first lines before its log level is read, so no environment variable silences them.
    """
    with tempfile.TemporaryFile() as hidden:
        kept = os.dup(2)
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(kept, 2)
            hidden.seek(0)
            os.write(2, hidden.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _prepare(tensorflow, seed: int) -> None:
    tensorflow.random.set_seed(seed)
    # Looking for devices makes them announce themselves, once: here it stays unseen. On a CPU the ops are
    # deterministic as they are, and asking for it makes tf.data write an error line at each fit.
    if tensorflow.config.list_physical_devices("GPU"):
        tensorflow.config.experimental.enable_op_determinism()


class _QuietTensorFlow(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds TensorFlow once, imports it with descriptor 2 hidden, and seeds it. Everything else passes by."""

    def __init__(self, seed: int):
        self.seed = seed

    def find_spec(self, name, path=None, target=None):
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None:
            self.loader, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        module.__spec__.loader = module.__loader__ = self.loader
        with hidden_stderr():
            self.loader.exec_module(module)
            _prepare(module, self.seed)
