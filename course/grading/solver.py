"""Runs a learner's cells and calls the learner's functions, on the far side of the wall.

Nothing here is secret and nothing here is trusted: the learner's code shares this process and may change all
of it. Whatever the answers claim, the checker treats them as data.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import importlib.machinery
import linecache
import os
import sys
import traceback
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from course.check.definition import NotAttempted, NotPassed
from course.check.judging import local_call
from course.grading.wire import BadMessage, Channel

TEXT_LIMIT = 600
# Rooms whose functions only show things to a learner, or keep a learner's record: here they do nothing.
QUIET_ROOMS = (
    "course.notebook",
    "course.plots",
    "course.labs",
    "course.quiz",
    "course.progress",
    "course.cli",
)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


def serve(channel: Channel, wanted: list[str]) -> None:
    """Answer the checker's requests until it closes the channel."""
    notebook = Notebook(wanted)
    drives: dict[str, types.SimpleNamespace] = {}
    while True:
        try:
            request = channel.receive()
        except EOFError:
            return
        answer: dict[str, Any] = {"number": request["number"]}
        value = None
        if request["do"] == "cell":
            answer |= notebook.run(request["cell"], request["source"], request["definitions_only"])
        elif request["do"] == "exercise":
            drives[request["name"]] = types.SimpleNamespace(
                id=request["id"],
                name=request["name"],
                arguments=tuple(request["arguments"]),
                drive=request["value"],
            )
            answer["versions"] = len(notebook.versions[request["name"]])
        else:
            found, value = notebook.call(drives[request["name"]], request["version"], request["value"])
            answer |= found
        try:
            channel.send(answer, value)
        except BadMessage as error:
            channel.send(
                {"number": request["number"], "found": "not passed", "message": f"Your function: {error}."}
            )


class Notebook:
    """The learner's cells, run in one namespace as Jupyter would."""

    def __init__(self, wanted: list[str]):
        module = types.ModuleType("__main__")
        self.space = vars(module)
        # A learner may have deleted the cell with the imports; its names are no part of any exercise.
        imports = {"np": np, "tf": sys.modules.get("tensorflow"), "keras": sys.modules.get("keras")}
        self.space.update({name: module for name, module in imports.items() if module})
        self.space.update(get_ipython=lambda: _Shell(self), display=_nothing, __builtins__=builtins)
        sys.modules["__main__"] = module
        sys.meta_path.insert(0, _QuietRooms())
        for name in ("exit", "quit"):
            setattr(builtins, name, _nothing)
        builtins.input = _no_input
        # Each distinct object that was bound to an exercise's name, the last one first.
        self.versions: dict[str, list[Any]] = {name: [] for name in wanted}

    def run(self, number: int, source: str, definitions_only: bool) -> dict[str, Any]:
        """Run a cell; after an error, at least its definitions. Says what went wrong, if anything."""
        try:
            found = self._run(f"cell {number}", source, definitions_only)
        finally:
            self._note_versions()
        return found

    def _run(self, name: str, source: str, definitions_only: bool) -> dict[str, Any]:
        try:
            tree, source = _parse(source)
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            line = f" at line {error.lineno}" if getattr(error, "lineno", None) else ""
            text = f"{type(error).__name__}{line}: {getattr(error, 'msg', None) or error}"
            return {"error": text[:TEXT_LIMIT], "parsed": False}
        # The learner's line is part of what an error is told by.
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        if definitions_only:
            tree.body = [node for node in tree.body if isinstance(node, DEFINITIONS)]
        try:
            exec(compile(tree, name, "exec", dont_inherit=True), self.space)
        except BaseException as error:
            line = _line_in(error, name)
            rest = [node for node in tree.body if isinstance(node, DEFINITIONS) and node.lineno > line]
            for node in rest:
                self._define(node, name)
            return {"error": _about(error, line), "parsed": True}
        return {"error": None, "parsed": True}

    def _define(self, node: ast.stmt, name: str) -> None:
        with contextlib.suppress(BaseException):  # the cell's own error is told already
            exec(compile(ast.Module([node], []), name, "exec", dont_inherit=True), self.space)

    def _note_versions(self) -> None:
        for name, versions in self.versions.items():
            found = self.space.get(name)
            if found is not None and not any(found is version for version in versions):
                versions.insert(0, found)

    def call(self, exercise: Any, version: int, arguments: Any) -> tuple[dict[str, Any], Any]:
        """Call a version of the exercise's function. What came out, in words and as a value."""
        function = self.versions[exercise.name][version]
        if not callable(function):
            kind = _article(type(function).__name__)
            text = f"`{exercise.name}` is {kind} in your notebook; it should be a function."
            return {"found": "not passed", "message": text, "mistake": "not a function"}, None
        try:
            return {"found": "value"}, local_call(exercise, function)(*arguments)
        except NotAttempted:
            return {"found": "not attempted"}, None
        except NotPassed as error:
            return {"found": "not passed", "message": str(error)[:TEXT_LIMIT], "mistake": error.mistake}, None
        except BaseException as error:  # SystemExit, KeyboardInterrupt, and errors of our own making
            text = f"Your function raised {_about(error, 0)}."
            return {"found": "not passed", "message": text, "mistake": "raised " + type(error).__name__}, None


def _parse(source: str) -> tuple[ast.Module, str]:
    """The cell's syntax tree and its source in Python, after IPython's own rules for magics where needed."""
    try:
        return ast.parse(source), source
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager

        transformed = TransformerManager().transform_cell(source)
        if transformed == source or transformed == source + "\n":
            raise
        return ast.parse(transformed), transformed


def _line_in(error: BaseException, file: str) -> int:
    """The line of the cell whose statement raised ``error``."""
    lines = [
        frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file
    ]
    return lines[0] if lines else 0


def _about(error: BaseException, line: int) -> str:
    try:
        detail = (str(error).strip().splitlines() or [""])[0]
    except BaseException:
        detail = ""
    where = f" at line {line}" if line else ""
    return f"{type(error).__name__}{f': {detail}' if detail else ''}{where}"[:TEXT_LIMIT]


def _article(word: str) -> str:
    return f"{'an' if word[:1].lower() in 'aeiou' else 'a'} {word}"


def _nothing(*args: Any, **kwargs: Any) -> None:
    return None


def _no_input(prompt: Any = "") -> str:
    raise EOFError("input() waits for someone to type, and nobody does while a notebook is graded")


class _QuietRooms:
    """Finds the course's rooms that show things, and gives modules in which every function does nothing."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if any(name == room or name.startswith(room + ".") for room in QUIET_ROOMS):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: Any) -> types.ModuleType:
        return _QuietModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        module.__path__ = []


class _QuietModule(types.ModuleType):
    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        return _setup if name == "setup" else _nothing


def _setup(lesson: str = "") -> int:
    from course.startup import seed_everything

    seed_everything(0)
    return 0


class _Shell:
    """What IPython's translation of a magic asks for. Timing magics run their code, others do nothing."""

    def __init__(self, notebook: Notebook):
        self._notebook = notebook

    def run_line_magic(self, name: str, line: str = "", *args: Any) -> None:
        if name in ("time", "timeit", "prun"):
            exec(line, self._notebook.space)

    def run_cell_magic(self, name: str, line: str, cell: str) -> None:
        if name in ("time", "timeit", "capture", "prun", "python", "python3"):
            found = self._notebook._run(f"%%{name} cell", cell, definitions_only=False)
            if found["error"]:
                raise RuntimeError(found["error"])

    def getoutput(self, *args: Any, **kwargs: Any) -> list[str]:
        return []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return _nothing


def start(channel: Channel, wanted: list[str]) -> None:
    """Make this freshly forked process a solver: without streams to write to, then serve and end."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    if null > 2:
        os.close(null)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    try:
        serve(channel, wanted)
    finally:
        os._exit(0)
