"""Installing packages with ``uv`` or ``pip``: one line of progress, and one sentence when it fails."""

from __future__ import annotations

import contextlib
import csv
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from course.cli.environment import VENV, CannotGoOn, install_venv_module, no_space
from course.cli.requirements import Requirement

LOG = VENV / "install.log"

_EVENT = re.compile(r"(Resolved|Downloading|Building|Prepared|Installed|Installing collected packages)\b.*")
_NO_SPACE = re.compile(
    r"no space left|errno 28|os error 28|not enough space|os error 112|disk quota|os error 122", re.IGNORECASE
)
_NO_NETWORK = re.compile(
    r"failed to fetch|error sending request|could not connect|connection (refused|error|broken|reset)"
    r"|connect error|dns error|name resolution|network is unreachable|max retries|timed? ?out"
    r"|newconnectionerror|certificate|network connectivity is disabled|request failed",
    re.IGNORECASE,
)
_NO_RELEASE = re.compile(r"no solution found|no matching distribution", re.IGNORECASE)
# As pip does, uv then trusts the certificates that the machine trusts: a network with a proxy of its own
# needs it. Older versions of uv know the second name.
_VARIABLES = {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "UV_SYSTEM_CERTS": "true", "UV_NATIVE_TLS": "true"}


def install(wanted: list[Requirement], python: Path, site_packages: Path, lock: int) -> None:
    """Install ``wanted`` into the environment of ``python``, with ``uv`` where it works, else with ``pip``.

    ``lock`` is a descriptor that the installer keeps open. Raises ``CannotGoOn`` when neither succeeds.
    """
    LOG.unlink(missing_ok=True)
    texts = [requirement.text for requirement in wanted]
    if not _uv_installs(texts, python, lock):
        _install_with_pip(texts, python, site_packages, lock)


def forget_half_installed(site_packages: Path) -> None:
    """Make the installer take up anew what it was copying when it was interrupted.

    A package that the installer did not sign, or whose record names a file that is missing or of another
    size, loses its ``.dist-info``: to an installer it is then not there.
    """
    for info in site_packages.glob("*.dist-info"):
        if not _is_whole(info):
            shutil.rmtree(info)


def _uv_installs(texts: list[str], python: Path, lock: int) -> bool:
    """Whether ``uv`` is there and did it. What it cannot do ``pip`` may: its index settings are its own."""
    uv = shutil.which("uv")
    if uv is None or not _starts([uv, "--version"]):
        return False
    said = _run([uv, "pip", "install", "--color", "never", "--python", str(python), *texts], lock)
    if said is None:
        return True
    if _NO_SPACE.search(said):
        raise CannotGoOn(no_space())
    print("uv could not install the packages: trying pip.", file=sys.stderr)
    return False


def _install_with_pip(texts: list[str], python: Path, site_packages: Path, lock: int) -> None:
    if not any(site_packages.glob("pip-*.dist-info")):
        if not _starts([str(python), "-c", "import ensurepip"]):
            raise CannotGoOn(install_venv_module())
        _run_or_stop([str(python), "-m", "ensurepip"], lock)
    options = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    _run_or_stop([str(python), "-m", "pip", "install", *options, *texts], lock)


def _run_or_stop(command: list[str], lock: int) -> None:
    said = _run(command, lock)
    if said is not None:
        raise CannotGoOn(_sentence(said))


def _is_whole(info: Path) -> bool:
    """Whether the package of this ``.dist-info`` was installed to the end: both installers sign last."""
    if not (info / "INSTALLER").exists() or not (info / "METADATA").exists():
        return False
    try:
        with (info / "RECORD").open(encoding="utf-8", newline="") as record:
            rows = [row for row in csv.reader(record) if len(row) == 3 and row[2]]
        return all((info.parent / name).stat().st_size == int(size) for name, _, size in rows)
    except (OSError, ValueError):
        return False


def _starts(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


def _run(command: list[str], lock: int) -> str | None:
    """Run an installer under a line of progress; returns ``None``, or what it said when it failed."""
    inherited = {"pass_fds": (lock,)} if os.name == "posix" else {}
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={**_VARIABLES, **os.environ},
        **inherited,
    )
    try:
        said = _follow(child)
    except BaseException:
        child.terminate()
        child.wait()
        raise
    with contextlib.suppress(OSError), LOG.open("a", encoding="utf-8") as log:
        log.write(said)
    return None if child.wait() == 0 else said


def _follow(child: subprocess.Popen) -> str:
    """Show what the installer is at, with the time it has taken, until it ends; returns all it said."""
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in child.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    started, said, now = time.monotonic(), [], "Looking up the packages"
    live = sys.stderr.isatty()
    while True:
        try:
            line = lines.get(timeout=0.5)
        except queue.Empty:
            line = ""
        if line is None:
            break
        said.append(line)
        if _EVENT.fullmatch(line.strip()):
            now = line.strip()
            if not live:
                print(f"  {now[:110]}", file=sys.stderr)
        if live:
            _redraw(time.monotonic() - started, now)
    if live:
        print(file=sys.stderr)
    return "".join(said)


def _redraw(seconds: float, text: str) -> None:
    width = max(20, shutil.get_terminal_size().columns - 1)
    line = f"  {int(seconds) // 60}:{int(seconds) % 60:02}  {text}"
    print(f"\r{line[:width]:{width}}", end="", file=sys.stderr, flush=True)


def _sentence(said: str) -> str:
    """One sentence for what an installer said when it failed."""
    again = "then run the same command again; it goes on where it stopped."
    if _NO_SPACE.search(said):
        return no_space()
    if _NO_NETWORK.search(said):
        return f"The packages could not be fetched: check the network (and its proxy, if any), {again}"
    if _NO_RELEASE.search(said):
        return (
            "A package has no release for this machine or Python: run the same command with Python 3.12, "
            f"or see {LOG} for which it is."
        )
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "no reason given")
    return f"The installer stopped ({last[:200]}): see {LOG}, {again}"
