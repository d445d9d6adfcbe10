"""The environment the course runs in: found where it is complete, made in ``.venv`` where it is not.

The running Python is used as it is when its packages meet the requirements (conda, Docker, Binder).
Otherwise a virtual environment is made beside ``requirements.txt`` and completed there. Its state file says
what it holds, so that the next start costs one look and an interrupted set-up goes on where it stopped.
Standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from course.cli import requirements
from course.cli.requirements import ROOT, Requirement

VENV = ROOT / ".venv"
STATE = VENV / "gradient-clinic.json"  # lies in a .venv that this module made, from its first moment
LOCK = VENV / "gradient-clinic.lock"
BYTES_NEEDED = 3_000_000_000
OURS = {STATE.name, LOCK.name, STATE.name + ".new"}


class CannotGoOn(Exception):
    """The command cannot start. The text is one sentence that says what to do."""


def enter(extras: tuple[str, ...] = ()) -> None:
    """Return in a Python that has the requirements and ``extras``.

    Where the running one lacks them, ``.venv`` is made or completed, the same command starts again there,
    and this call does not return.
    """
    if not is_complete(extras):
        hand_over([prepare(extras), "-m", "course", *sys.argv[1:]])


def is_complete(extras: tuple[str, ...] = ()) -> bool:
    """Whether the running Python has what it needs."""
    if not (ROOT / "requirements.txt").exists():
        return True  # `course` is installed on its own, as on Colab: what is there is what there is
    wanted = requirements.wanted(extras)
    if running_in_venv():
        return _holds(read_state(), wanted)
    unmet = requirements.missing(wanted)
    if unmet and on_colab():
        absent = [item.requirement.name for item in unmet if item.found is None]
        if absent:
            raise CannotGoOn(
                f"Colab lacks some packages: run `!pip install --no-deps {' '.join(absent)}` first."
            )
        return True
    return not unmet


def hand_over(command: list[str]) -> NoReturn:
    """Let ``command`` take the place of this process."""
    sys.stdout.flush()
    sys.stderr.flush()
    environment = child_environment()
    if os.name == "posix":
        os.execve(command[0], command, environment)
    # Windows has no exec that keeps the console: wait, and leave Ctrl-C to the child.
    child = subprocess.Popen(command, env=environment)
    while True:
        try:
            sys.exit(child.wait())
        except KeyboardInterrupt:
            continue


def child_environment() -> dict[str, str]:
    """The variables for a child process: it can ``import course``, and Jupyter prefers its own kernel.

    JupyterLab leaves out the menus of what only the test suite and the authors need.
    """
    return {
        **os.environ,
        "PYTHONPATH": _first_on("PYTHONPATH", ROOT),
        "JUPYTER_CONFIG_PATH": _first_on("JUPYTER_CONFIG_PATH", Path(__file__).with_name("jupyter")),
        "JUPYTER_PREFER_ENV_PATH": "1",
    }


def _first_on(variable: str, folder: Path) -> str:
    """A search path of the environment with ``folder`` before all others."""
    others = filter(None, os.environ.get(variable, "").split(os.pathsep))
    return os.pathsep.join(dict.fromkeys([str(folder), *others]))


def on_colab() -> bool:
    """Whether this is Google Colab, whose own TensorFlow must stay as it is."""
    return "COLAB_RELEASE_TAG" in os.environ


def is_ours() -> bool:
    """Whether there is a ``.venv`` that this module made, whole or not."""
    return STATE.exists()


def running_in_venv() -> bool:
    """Whether the running Python is that of a ``.venv`` that this module made."""
    return is_ours() and Path(sys.prefix).resolve() == VENV.resolve()


def venv_python() -> Path:
    """The Python of ``.venv``, there or not."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def read_state() -> dict:
    """What ``.venv`` holds: its ``"python"``, its ``"requirements"``, and whether it is ``"complete"``."""
    try:
        state = json.loads(STATE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def prepare(extras: tuple[str, ...] = ()) -> str:
    """Make or complete ``.venv`` and return the path of its Python.

    Raises
    ------
    CannotGoOn
        With the reason and the next step.
    """
    wanted = requirements.wanted(extras)
    if _is_ready(wanted):
        return str(venv_python())
    try:
        _refuse_what_we_did_not_make()
        _refuse_machines_without_tensorflow()
        VENV.mkdir(exist_ok=True)
        with _only_one_at_a_time() as lock:
            if not _is_ready(wanted):
                _set_up(wanted, lock)
    except OSError as error:
        raise CannotGoOn(_sentence(error)) from error
    return str(venv_python())


def _holds(state: dict, wanted: list[Requirement]) -> bool:
    return bool(state.get("complete")) and {item.text for item in wanted} <= set(
        state.get("requirements", ())
    )


def _is_ready(wanted: list[Requirement]) -> bool:
    state = read_state()
    return _holds(state, wanted) and _venv_version() == state.get("python")


def _set_up(wanted: list[Requirement], lock: int) -> None:
    from course.cli import installer

    state = read_state()
    if _venv_version() is None or _venv_version() != state.get("python"):
        _check_space(BYTES_NEEDED)
        print(f"Setting up the course in {VENV}: about {BYTES_NEEDED / 1e9:.0f} GB, once.", file=sys.stderr)
        _make_venv()
        state = {"python": _venv_version(), "complete": False, "requirements": []}
    else:
        _check_space(BYTES_NEEDED - _size(VENV))
        print(f"Completing the set-up in {VENV}.", file=sys.stderr)
        if not state.get("complete"):
            installer.forget_half_installed(site_packages())
    _write_state({**state, "complete": False})
    installer.install(wanted, venv_python(), site_packages(), lock)
    # A relative path: plain ASCII wherever the course lies, and still right when its folder is moved.
    here = os.path.relpath(ROOT, site_packages())
    (site_packages() / "gradient_clinic.pth").write_text(here + "\n", encoding="ascii")
    known = {item.text for item in requirements.wanted(_all_extras())}
    held = known.intersection(state["requirements"]).union(item.text for item in wanted)
    _write_state({**state, "complete": True, "requirements": sorted(held)})


def _all_extras() -> tuple[str, ...]:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return tuple(project["optional-dependencies"])


def _make_venv() -> None:
    """Make ``.venv`` anew. What is deleted was made here: the state file is there, and leaves last."""
    import importlib.util

    if importlib.util.find_spec("venv") is None:
        raise CannotGoOn(install_venv_module())
    _write_state({})
    for entry in VENV.iterdir():
        if entry.name not in OURS:
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(VENV)],
        capture_output=True,
        text=True,
        errors="replace",
    )
    if made.returncode or _venv_version() is None:
        said = (made.stderr + made.stdout).strip().splitlines() or ["no reason given"]
        if any(str(code) in said[-1] for code in ("Errno 28", "No space left")):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise CannotGoOn(
            f"{sys.executable} could not make a virtual environment in {VENV} ({said[-1]}): "
            "run the same command with another Python 3.11, 3.12 or 3.13."
        )


def install_venv_module() -> str:
    """The sentence for a Python whose ``venv`` or ``ensurepip`` was left out, as Debian does."""
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    return (
        f"This Python comes without the module it needs to make an environment: install it "
        f"(on Debian and Ubuntu `sudo apt install {package}`), then run the same command again."
    )


def _venv_version() -> str | None:
    """``"3.12"`` for a ``.venv`` whose Python starts; ``None`` when there is none or it does not."""
    try:
        answer = subprocess.run(
            [str(venv_python()), "-I", "-S", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
        )
    except OSError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def site_packages() -> Path:
    """The folder of ``.venv`` where packages go."""
    if os.name == "nt":
        return VENV / "Lib" / "site-packages"
    return VENV / "lib" / f"python{_venv_version()}" / "site-packages"


def _refuse_what_we_did_not_make() -> None:
    if is_ours() or not VENV.exists():
        return
    if not VENV.is_dir() or any(entry.name not in OURS for entry in VENV.iterdir()):
        raise CannotGoOn(
            f"{VENV} was not made by this command and is left alone: install requirements.txt into it and "
            "run the command with its Python, or move it away."
        )


def _refuse_machines_without_tensorflow() -> None:
    import platform

    machine = platform.machine().lower()
    if sys.maxsize < 2**32:
        raise CannotGoOn(
            "TensorFlow needs a 64-bit Python, and this one has 32: install a 64-bit Python 3.12."
        )
    if sys.platform == "darwin" and machine == "x86_64":
        raise CannotGoOn(
            "TensorFlow has no release for Intel Macs: use Binder, Colab or another machine "
            "(on an Apple silicon Mac, run the command with a Python made for arm64)."
        )
    if sys.platform == "win32" and machine == "arm64":
        raise CannotGoOn("TensorFlow has no release for Windows on ARM: use WSL, Binder or Colab.")


def _check_space(needed: int) -> None:
    free = shutil.disk_usage(VENV).free
    if free < needed:
        raise CannotGoOn(
            f"The set-up needs {needed / 1e9:.1f} GB and {VENV.parent} has {free / 1e9:.1f} GB free: "
            "make room, or move the course to a larger disk, then run the same command again."
        )


def _size(folder: Path) -> int:
    """Bytes of the files under ``folder``."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_size
    return total


def _sentence(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return no_space()
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{error.filename or VENV} cannot be written: move the course to a folder of your own."
    return f"The set-up stopped ({error}): run the same command again, and it goes on from there."


def no_space() -> str:
    """The sentence for a disk that is full."""
    return (
        f"The disk is full: make about {BYTES_NEEDED / 1e9:.0f} GB of room in {VENV.parent}, then run the "
        "same command again; it goes on where it stopped."
    )


def _write_state(state: dict) -> None:
    new = STATE.with_name(STATE.name + ".new")
    new.write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")
    os.replace(new, STATE)


@contextlib.contextmanager
def _only_one_at_a_time() -> Iterator[int]:
    """Hold the lock of ``.venv``; yields its descriptor.

    An installer that outlives us inherits it, so that no second one starts beside it.
    """
    with LOCK.open("a") as file:
        if not _try_lock(file.fileno()):
            import time

            print("Another set-up of this folder is under way: waiting for it to end.", file=sys.stderr)
            while not _try_lock(file.fileno()):
                time.sleep(0.2)
        yield file.fileno()


def _try_lock(descriptor: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        taken = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
        return error.errno not in taken  # anything else: a file system without locks
    return True
