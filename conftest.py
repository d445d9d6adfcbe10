"""For every test and every notebook under nbval: its own place to keep progress, and fair comparisons."""

import copy
import os
import signal
import tempfile
from pathlib import Path

import pytest
from nbval.plugin import IPyNbCell

import course
from course.build import outputs

compare_exactly = IPyNbCell.compare_outputs


def pytest_configure(config):
    """Kernels find the course, and neither they nor the tests touch the progress of whoever runs them."""
    scratch = tempfile.TemporaryDirectory(prefix="course-test-")
    config.add_cleanup(scratch.cleanup)
    root = str(Path(course.__file__).parents[1])
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    os.environ["IPYTHONDIR"] = os.path.join(scratch.name, "ipython")
    os.environ["COURSE_DB"] = "sqlite://"  # in memory: each kernel starts with nothing passed
    os.environ["COURSE_SEED"] = "0"
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As in a background job. The tests of Ctrl-C start processes, and these inherit that it is ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    IPyNbCell.compare_outputs = compare_outputs


def pytest_runtest_call(item):
    """nbval passes a cell that was never run: here it fails."""
    if isinstance(item, IPyNbCell) and item.cell.execution_count is None:
        pytest.fail("This cell was never run. `python -m course build` runs it.")


def compare_outputs(cell, test, ref, skip_compare=None):
    """nbval's comparison, after masking what the build masks and settling floats within the tolerance."""
    test = outputs.clean(copy.deepcopy(test))
    rtol = outputs.tolerance(cell.cell.metadata.get("tags", ()))
    if rtol is not None:
        outputs.settle(test, ref, rtol)
    return compare_exactly(cell, test, ref, skip_compare)
