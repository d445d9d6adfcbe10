"""Run a notebook and clean its outputs, so that two runs of the same code give the same bytes."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from course.build.outputs import clean

if TYPE_CHECKING:
    from nbformat import NotebookNode

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class CellFailed(RuntimeError):
    """A cell of a notebook raised; the text says which cell, and how it ended."""


def execute(
    notebook: NotebookNode,
    folder: Path,
    root: Path,
    places: Mapping[str, str],
    variables: Mapping[str, str] | None = None,
    timeout: int = 300,
) -> None:
    """Run every cell in a fresh kernel of this very Python and keep the cleaned outputs in ``notebook``.

    The kernel sees ``root`` on its path, has its own IPython profile and keeps progress in a file that is
    thrown away, so neither a learner's settings nor a learner's progress take part. COURSE_SEED is 0.

    Parameters
    ----------
    folder : Path
        The working directory of the kernel: where the notebook lies.
    places : dict
        Where each cell comes from, by its ID, for messages.
    variables : dict, optional
        Environment variables to add, e.g. ``{"COURSE_SEED": "1"}``.
    timeout : int
        Seconds for one cell.

    Raises
    ------
    CellFailed
        When a cell raises, takes too long, or prints a path of this machine.
    """
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    language = notebook.metadata.language_info  # the client replaces it, with this Python's version in it
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryFile() as kernel_log:
        client = NotebookClient(
            notebook,
            km=AsyncKernelManager(kernel_spec_manager=this_python()),
            resources={"metadata": {"path": str(folder)}},
            timeout=timeout,
            record_timing=False,
            store_widget_state=False,
        )
        running: dict = {}
        client.on_cell_execute = lambda cell, cell_index: running.update(cell)
        failed = None
        try:
            env = {**_environment(root, Path(scratch)), **(variables or {})}
            client.execute(cleanup_kc=True, env=env, stderr=kernel_log)
        except CellExecutionError as error:
            failed = f"raised {error.ename}: {error.evalue}\n{COLOUR.sub('', error.traceback)}\n"
        except CellTimeoutError:
            failed = f"took more than {timeout} seconds."
        except RuntimeError as error:
            kernel_log.seek(0)
            failed = (
                f"ended the kernel: {error} {kernel_log.read().decode(errors='replace')[-2000:]}".rstrip()
            )
    notebook.metadata.language_info = language
    if failed:
        what = f"{places[running['id']]}: This cell" if running else "The first cell, before it ran,"
        raise CellFailed(f"{what} {failed}")
    for count, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), 1):
        cell.outputs = clean(cell.outputs)
        cell.execution_count = count
        _refuse_paths(cell, root, places)


def this_python():
    """A manager of kernel specifications that knows one, the Python that runs this, whatever is installed."""
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

    class ThisPython(KernelSpecManager):
        def get_kernel_spec(self, kernel_name):
            command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=command, display_name="Python 3", language="python")

    return ThisPython()


def _environment(root: Path, scratch: Path) -> dict[str, str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith("COURSE_")}
    env.pop("PYTEST_CURRENT_TEST", None)  # with it ipykernel does not capture what C++ code writes
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), env.get("PYTHONPATH")]))
    env["IPYTHONDIR"] = str(scratch / "ipython")
    env["COURSE_DB"] = "sqlite://"  # in memory: each notebook starts with nothing passed
    env["COURSE_SEED"] = "0"
    return env


def _refuse_paths(cell: NotebookNode, root: Path, places: Mapping[str, str]) -> None:
    """A path of the machine that built a notebook is wrong on every other one."""
    for output in cell.outputs:
        texts = [output.get("text", ""), *output.get("data", {}).values(), *output.get("traceback", ())]
        for path in {str(root), sys.prefix, str(Path.home())} - {"/", "/usr", "/usr/local"}:
            if any(isinstance(text, str) and path in text for text in texts):
                raise CellFailed(
                    f"{places[cell.id]}: This cell prints a path of the machine it was built on, {path}."
                )
