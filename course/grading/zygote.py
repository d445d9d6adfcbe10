"""The process that imports once and forks a solver for each submission.

It runs no learner's code and no TensorFlow operation. It obeys one control socket, on which it is handed the
solver's end of a new socket; when that control socket closes, it ends and takes all solvers with it.
"""

from __future__ import annotations

import array
import gc
import json
import os
import signal
import socket
import sys

from course.grading.isolation import Bounds, House, limit

LIBRARIES = {
    "numpy": (
        "numpy",
        "numpy.random",
        "numpy.linalg",
        "IPython.core.inputtransformer2",
        "course.startup",
        "course.data",
    )
}
LIBRARIES["tensorflow"] = (*LIBRARIES["numpy"], "tensorflow", "keras")


def main(control_number: int, options: dict) -> None:
    """Enter the house, import ``options["libraries"]``, then fork on demand. Never returns."""
    control = socket.socket(fileno=control_number)
    house = House(options["isolate"], options["namespaces"])
    house.enter()
    pid = os.fork()
    if pid:
        control.close()
        _, status = os.waitpid(pid, 0)
        os._exit(0 if status == 0 else 1)
    try:
        _Zygote(control, house, options).run()
    except (EOFError, ConnectionError):
        pass
    except BaseException as error:
        _say(control, {"failed": f"{type(error).__name__}: {error}"})
    os._exit(0)


def alone(port: int, token: str, wanted: list[str], options: dict) -> None:
    """Be one solver in a process of its own, for systems without a safe fork. Only limits hold it."""
    from course.grading.solver import start
    from course.grading.wire import Channel

    sock = socket.create_connection(("127.0.0.1", port))
    sock.sendall(token.encode())
    for library in options["libraries"]:
        __import__(library)
    bounds = {**options["bounds"], "memory": options["bounds"]["memory"] + _address_space()}
    channel = Channel(sock, receives_code=True)
    channel.send({"tier": [False, 0, False, limit(Bounds(**bounds), threads=False)]})
    start(channel, wanted)


class _Zygote:
    def __init__(self, control: socket.socket, house: House, options: dict):
        # Import before the file tree shrinks: the grader's own modules are not part of what a solver may
        # read.
        from course.grading import solver  # noqa: F401

        for library in options["libraries"]:
            __import__(library)
        self.control, self.house = control, house
        self.bounds = options["bounds"]
        self.size = _address_space()
        house.settle()
        gc.freeze()  # the collector then leaves the shared pages of what is imported alone

    def run(self) -> None:
        _say(self.control, {"ready": True})
        while True:
            request, descriptors = _hear(self.control)
            if request["do"] == "fork":
                self._fork(descriptors[0], request["wanted"])
            else:
                _say(self.control, {"code": _end(request["pid"])})

    def _fork(self, descriptor: int, wanted: list[str]) -> None:
        if _has_run_operations():
            os.close(descriptor)
            _say(self.control, {"stale": True})
            return
        pid = self.house.fork()
        if pid == 0:
            self._become_solver(descriptor, wanted)
        os.close(descriptor)
        _say(self.control, {"pid": pid})

    def _become_solver(self, descriptor: int, wanted: list[str]) -> None:
        from course.grading.solver import start
        from course.grading.wire import Channel

        channel = Channel(socket.socket(fileno=descriptor), receives_code=True)
        try:
            self.control.detach()
            bounds = {**self.bounds, "memory": self.bounds["memory"] + self.size}
            tier = self.house.wall_in(Bounds(**bounds), keep=descriptor)
            channel.send({"tier": [tier.namespaces, tier.landlock, tier.seccomp, tier.rlimits]})
        except BaseException as error:
            channel.send({"failed": f"{type(error).__name__}: {error}"})
            os._exit(1)
        del self.control, self.house
        start(channel, wanted)


def _has_run_operations() -> bool:
    """TensorFlow was used in this process: a child forked from it would hang at its first operation.

    TensorFlow refuses to change its number of threads once it has started to work. That is the public way to
    ask; it takes the question only when the number differs, so it is changed and changed back.
    """
    if "tensorflow" not in sys.modules:
        return False
    threading = sys.modules["tensorflow"].config.threading
    try:
        threading.set_inter_op_parallelism_threads(2)
        threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        return True
    return False


def _end(pid: int) -> int:
    """Kill a solver and its namespace. Returns its exit code, or minus the signal that ended it."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    if ended == 0:
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def _address_space() -> int:
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 8 << 30  # a machine without /proc: TensorFlow itself stays below this


def _say(control: socket.socket, message: dict) -> None:
    data = json.dumps(message).encode()
    control.sendall(len(data).to_bytes(4, "big") + data)


def _hear(control: socket.socket) -> tuple[dict, list[int]]:
    descriptors = array.array("i")
    head, ancillary, _, _ = control.recvmsg(4, socket.CMSG_SPACE(4))
    if not head:
        raise EOFError
    for _, _, data in ancillary:
        descriptors.frombytes(data[: len(data) - len(data) % 4])
    size = int.from_bytes(head, "big")
    return json.loads(control.recv(size, socket.MSG_WAITALL)), list(descriptors)
