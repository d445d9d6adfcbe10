"""The checker's end of the solvers: where they come from, and how they are asked and ended."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from course.grading.isolation import SCRATCH, Tier
from course.grading.wire import BadMessage, Channel
from course.grading.zygote import LIBRARIES

# Forking after TensorFlow's import works on Linux; elsewhere each solver is a fresh process.
CAN_FORK = sys.platform == "linux"
START_SECONDS = 180.0


class Gone(Exception):
    """The solver does not answer: its time is over, it ended, or it sent nonsense."""

    def __init__(self, timed_out: bool = False, broken: str = ""):
        self.timed_out, self.broken = timed_out, broken


class SourceGone(Exception):
    """The process that makes solvers ended, or can make no more."""


class Solver:
    """The checker's end of one solver. ``tier`` says what isolates it."""

    def __init__(self, source: Source, key: int, sock: socket.socket):
        self._source, self._key = source, key
        self._channel = Channel(sock, sends_code=True)
        try:
            greeting = self._channel.receive(
                time.monotonic() + START_SECONDS
            )  # sent before any learner's code runs
            self.tier = Tier(*greeting["tier"])
        except (BadMessage, EOFError, OSError):
            self.close()
            raise SourceGone from None
        except KeyError:
            self.close()
            raise RuntimeError(
                f"The walls around learner's code could not be put up: {greeting['failed']}."
            ) from None

    def ask(self, message: dict, value: Any, deadline: float) -> dict:
        """Send a request and wait for its answer until ``deadline``, a time.monotonic(). Raises Gone."""
        # An answer must carry this number, so answers written in advance are worth nothing.
        number = secrets.randbits(48)
        try:
            self._channel.send({**message, "number": number}, value, deadline)
            answer = self._channel.receive(deadline)
        except TimeoutError:
            raise Gone(timed_out=True) from None
        except BadMessage as error:
            raise Gone(broken=str(error)) from None
        except (EOFError, OSError):
            raise Gone from None
        if answer.get("number") != number:
            raise Gone(broken="an answer to no question")
        return answer

    def close(self) -> int:
        """Kill the solver and all that it left running. Its exit code, or minus the signal that ended it."""
        self._channel.socket.close()
        return self._source.end(self._key)


class Source:
    """Makes solvers. ``close()`` ends them all."""

    def solver(self, wanted: list[str]) -> Solver:
        """A new solver that keeps the functions named ``wanted``. Raises SourceGone."""
        raise NotImplementedError

    def end(self, key: int) -> int:
        """Kill one solver; see ``Solver.close``."""
        raise NotImplementedError

    def close(self) -> None:
        """End all processes of this source."""
        raise NotImplementedError


def open_source(kind: str, options: dict) -> Source:
    """A source of solvers with the libraries of ``kind``, "numpy" or "tensorflow"."""
    options = {**options, "libraries": LIBRARIES[kind]}
    return Zygote(options) if CAN_FORK else FreshProcesses(options)


class Zygote(Source):
    """A process that imported the libraries once and forks: far faster than to import them each time."""

    def __init__(self, options: dict):
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair()
        with theirs:
            call = f"main({theirs.fileno()}, {options!r})"
            self.process = _python(call, pass_fds=[theirs.fileno()], start_new_session=True)
        try:
            answer = self._hear()
        except SourceGone:
            answer = {"failed": "it ended at once"}
        if "failed" in answer:
            self.close()
            raise RuntimeError(f"The grader's own process could not start: {answer['failed']}.")

    def solver(self, wanted: list[str]) -> Solver:
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            self._say({"do": "fork", "wanted": wanted}, [theirs.fileno()])
            answer = self._hear()
        if "pid" not in answer:
            ours.close()
            raise SourceGone
        return Solver(self, answer["pid"], ours)

    def end(self, key: int) -> int:
        try:
            with self._lock:
                self._say({"do": "end", "pid": key}, [])
                return self._hear()["code"]
        except SourceGone:
            return -signal.SIGKILL

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)  # also wakes a thread that waits for an answer
        self._control.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _say(self, message: dict, descriptors: list[int]) -> None:
        data = json.dumps(message).encode()
        try:
            socket.send_fds(self._control, [len(data).to_bytes(4, "big")], descriptors)
            self._control.sendall(data)
        except OSError:
            raise SourceGone from None

    def _hear(self) -> dict:
        try:
            head = self._control.recv(4, socket.MSG_WAITALL)
            size = int.from_bytes(head, "big")
            body = self._control.recv(size, socket.MSG_WAITALL) if len(head) == 4 else b""
            return json.loads(body)
        except (OSError, ValueError):
            raise SourceGone from None


class FreshProcesses(Source):
    """A new Python for each solver, for systems without a safe fork. Nothing isolates it."""

    def __init__(self, options: dict):
        self._options = options
        self._processes: dict[int, subprocess.Popen] = {}

    def solver(self, wanted: list[str]) -> Solver:
        token = secrets.token_hex(16)
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(START_SECONDS)
            call = f"alone({server.getsockname()[1]}, {token!r}, {wanted!r}, {self._options!r})"
            process = _python(call, start_new_session=os.name == "posix")
            self._processes[process.pid] = process
            try:
                sock, _ = server.accept()
                sock.settimeout(START_SECONDS)
                if sock.recv(len(token), socket.MSG_WAITALL) != token.encode():
                    raise SourceGone
            except OSError:
                self.end(process.pid)
                raise SourceGone from None
        return Solver(self, process.pid, sock)

    def end(self, key: int) -> int:
        process = self._processes.pop(key)
        code = process.poll()
        if os.name == "posix":
            with contextlib.suppress(OSError):  # it ended, and left nobody of its group
                os.killpg(key, signal.SIGKILL)
        elif code is None:
            process.kill()
        return process.wait() if code is None else code

    def close(self) -> None:
        for key in list(self._processes):
            self.end(key)


def _python(call: str, **options: Any) -> subprocess.Popen:
    """A Python without environment, without streams, that finds the installed packages and this one."""
    package = str(Path(__file__).resolve().parents[2])
    paths = [
        path for path in sys.path if "-packages" in path or path.startswith((sys.prefix, sys.base_prefix))
    ]
    function = call.split("(")[0]
    imports = f"import sys; sys.path[:] = {[*paths, package]!r}; from course.grading.zygote import {function}"
    return subprocess.Popen(
        [sys.executable, "-I", "-B", "-c", f"{imports}; {call}"],
        env=_environment(),
        cwd=os.path.abspath(os.sep),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **options,
    )


def _environment() -> dict[str, str]:
    """All that the solver's environment holds. One thread per library: many solvers share the machine."""
    needed = {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP") if name in os.environ}  # Windows
    return needed | {
        "HOME": SCRATCH,
        "TMPDIR": SCRATCH,
        "LANG": "C.UTF-8",
        "MPLBACKEND": "agg",
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        "CUDA_VISIBLE_DEVICES": "",
    }
