"""Walls around the learner's code, made of what the Linux kernel offers without privileges.

Four kinds, each used where the kernel has it, each sufficient against something the others miss:

namespaces  an own file tree, read-only, without the course's checks and solutions and anybody's files; no
            network; no other process in sight; everything dead when the solver dies
Landlock    the same file tree once more, enforced on paths (Linux 5.13)
seccomp     no new processes, no programs, no sockets, no tracing, no mounts, no signals to others
rlimits     memory, processor time, threads, open files, size of a file

The constants and structures are those of the kernel's headers (linux/landlock.h, linux/seccomp.h,
linux/sched.h). Nothing here needs to be root; as root the solver becomes the user "nobody" first.
"""

from __future__ import annotations

import ctypes
import os
import platform
import stat
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None

# Parts of the package `course` that learner's code may import. Everything else of it is hidden:
# checks, solutions, the grader, the build.
OPEN_ROOMS = (
    "__init__.py", "claims.py", "claims.toml", "data.py", "data", "nets.py", "nets", "startup.py",
    "probe.py", "probe", "doctor.py", "doctor", "syllabus.py", "syllabus.toml",
)  # fmt: skip
CLOSED_FOLDERS = (
    "solutions",
    "tests",
    "benchmarks",
    ".git",
)  # beside the package, where someone works on the course
COURSE = Path(__file__).resolve().parent.parent
SYSTEM_LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/usr/share/zoneinfo")
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/localtime")
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
SCRATCH = "/scratch"  # not /tmp: someone may keep the course there
NOBODY = 65534


@dataclass(frozen=True)
class Tier:
    """What isolates the learner's code, as found on this machine. ``str(tier)`` goes into every result."""

    namespaces: bool = False
    landlock: int = 0
    seccomp: bool = False
    rlimits: bool = False

    @property
    def sufficient(self) -> bool:
        """Files, network and other processes are out of reach, by one wall at least."""
        return self.seccomp and self.rlimits and (self.namespaces or self.landlock > 0)

    def __str__(self) -> str:
        walls = [
            "namespaces (user, mount, pid, net, ipc)" if self.namespaces else "",
            f"Landlock {self.landlock}" if self.landlock else "",
            "seccomp" if self.seccomp else "",
            "rlimits" if self.rlimits else "",
        ]
        text = " + ".join(wall for wall in walls if wall) or "none"
        return (
            text
            if self.sufficient
            else f"{text}: NOT ISOLATED, learner's code can read and change this machine"
        )


@dataclass(frozen=True)
class Bounds:
    """What one solver may use: bytes of address space above what it starts with, seconds of processor time,
    bytes of scratch files, threads, open files."""

    memory: int
    cpu_seconds: int
    scratch: int
    threads: int = 256
    files: int = 128


# ----------------------------------------------------------------------------------------------- system calls

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_ARM = platform.machine() == "aarch64"
SUPPORTED = _libc is not None and platform.machine() in ("x86_64", "aarch64")

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 0x2, 0x4, 0x1000, 0x4000, 0x40000
MS_RDONLY, MS_REMOUNT, MNT_DETACH = 0x1, 0x20, 2
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
SYS_PIVOT_ROOT, SYS_CAPSET, SYS_SECCOMP = (41, 91, 277) if _ARM else (155, 126, 317)
SYS_MOUNT_SETATTR, SYS_LANDLOCK_CREATE, SYS_LANDLOCK_ADD, SYS_LANDLOCK_RESTRICT = 442, 444, 445, 446


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _syscall(number: int, *args) -> int:
    words = [arg if isinstance(arg, (bytes, ctypes._SimpleCData)) else ctypes.c_long(arg) for arg in args]
    return _check(_libc.syscall(ctypes.c_long(number), *words), f"system call {number}")


def _unshare(flags: int) -> None:
    _check(_libc.unshare(flags), "unshare")


def _mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    words = [word.encode() if word is not None else None for word in (source, target, kind, data)]
    _check(_libc.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3]), f"mount {target}")


def prctl(option: int, value: int) -> None:
    """The system call prctl with one argument."""
    _check(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), f"prctl {option}")


# -------------------------------------------------------------------------------------------------- file tree


def readable() -> list[str]:
    """What a solver may read: Python, its packages, system libraries, the open rooms of the course."""
    packages = [path for path in sys.path if "-packages" in path]
    rooms = [str(COURSE / name) for name in OPEN_ROOMS] + [str(path) for path in _lesson_files() if _is_open(path)]
    # Python itself: never a whole prefix such as /usr, only its library folder and the environment's own
    # folder.
    python = [
        os.path.dirname(os.__file__),
        *(p for p in (sys.prefix, sys.base_prefix) if p not in ("/usr", "/usr/local")),
    ]
    paths = [*python, *packages, *SYSTEM_LIBRARIES, *rooms, *SYSTEM_FILES]
    return list(dict.fromkeys(os.path.abspath(path) for path in paths if os.path.exists(path)))


def hidden(paths: list[str]) -> list[str]:
    """What lies inside ``paths`` and must stay unreadable: checks, solutions, where `course` is installed."""
    closed = [str(entry) for entry in COURSE.iterdir() if entry.name not in (*OPEN_ROOMS, "lessons")]
    closed += [str(path) for path in _lesson_files() if not _is_open(path)]
    closed += [str(COURSE.parent / name) for name in CLOSED_FOLDERS if (COURSE.parent / name).exists()]
    found = []
    for path in paths:
        real = os.path.realpath(path)
        found += [path + entry[len(real) :] for entry in closed if entry.startswith(real + "/")]
    return list(dict.fromkeys(found))


def _lesson_files() -> list[Path]:
    return [path for path in (COURSE / "lessons").rglob("*") if path.is_file()]


def _is_open(path: Path) -> bool:
    """Whether a file of a lesson is code that notebooks import, such as the tape of lesson 02."""
    return path.suffix == ".py" and path.name != "checks.py"


def without(paths: list[str], closed: list[str]) -> list[str]:
    """``paths``, each folder with a closed path in it replaced by its other entries; links are resolved."""
    closed = [os.path.realpath(path) for path in closed]
    result = []
    # Links are followed first: a virtual environment reaches its packages through lib and through lib64.
    for path in dict.fromkeys(map(os.path.realpath, paths)):
        if any(path == entry or path.startswith(entry + "/") for entry in closed):
            continue
        if any(entry.startswith(path + "/") for entry in closed):
            result += without([os.path.join(path, name) for name in sorted(os.listdir(path))], closed)
        else:
            result.append(path)
    return list(dict.fromkeys(result))


def _build_root(paths: list[str], closed: list[str], root: str) -> None:
    """Make ``root`` a tree of ``paths`` without ``closed``, read-only, and move this process into it."""
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    _mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")
    for path in [*paths, *DEVICES]:
        target = root + path
        if os.path.lexists(target):
            continue  # inside a folder that is there already
        if os.path.islink(path) and not os.path.isdir(path):
            path = os.path.realpath(path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.isdir(path):
            os.mkdir(target)
        else:
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o444))
        _mount(path, target, None, MS_BIND | MS_REC)
        if path not in DEVICES:
            _read_only(target)
    for path in closed:
        folder = os.path.isdir(path)
        _mount(
            "tmpfs" if folder else "/dev/null",
            root + path,
            "tmpfs" if folder else None,
            0 if folder else MS_BIND,
        )
    os.mkdir(root + SCRATCH)
    if not os.path.lexists(root + "/tmp"):
        os.symlink(SCRATCH, root + "/tmp")
    # There is no /proc in there. TensorFlow wants to know which program it is part of, and aborts when it
    # cannot.
    os.makedirs(root + "/proc/self")
    os.symlink("/solver", root + "/proc/self/exe")
    os.chdir(root)
    # The new root on top of the old one, then the old one taken away: pivot_root(".", "."), see
    # pivot_root(2).
    _syscall(SYS_PIVOT_ROOT, b".", b".")
    _check(_libc.umount2(b".", MNT_DETACH), "umount2")
    os.chdir("/")
    _mount("none", "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)


def _read_only(target: str) -> None:
    """Everything mounted at and below ``target`` read-only, without devices and set-user-ID programs."""
    attributes = struct.pack("QQQQ", 0x1 | 0x2 | 0x4, 0, 0, 0)  # MOUNT_ATTR_RDONLY | NOSUID | NODEV
    _syscall(SYS_MOUNT_SETATTR, AT_FDCWD, target.encode(), AT_RECURSIVE, attributes, len(attributes))


# ------------------------------------------------------------------------------------------------- namespaces


class House:
    """What all solvers of one zygote share: a file tree and namespaces, where the kernel allows them.

    ``enter()`` in a process with one thread, then fork; the child is the zygote and calls ``settle()``. From
    then on ``fork()`` makes solvers, and each of them calls ``wall_in(...)`` before it runs any learner's
    code.

    Parameters
    ----------
    isolate : bool
        False: put up no wall at all.
    namespaces : bool
        False: do without namespaces, as on a machine that forbids them.
    """

    def __init__(self, isolate: bool = True, namespaces: bool = True):
        self.isolate = isolate and SUPPORTED
        self.paths = readable() if self.isolate else []
        self._closed = hidden(self.paths) if self.isolate else []
        self._open = without(self.paths, self._closed)
        self.namespaces = self.isolate and namespaces
        self._become_nobody = False
        self._proc = self._own_pids = -1

    def enter(self) -> None:
        """Leave the namespaces of this machine."""
        spaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
        root = os.geteuid() == 0
        for flags in ([spaces] if root else []) + [spaces | CLONE_NEWUSER] if self.namespaces else []:
            # Rehearsed in a child: a half-made set of namespaces cannot be undone, and a kernel that allows
            # namespaces may still forbid mounts.
            if _works_in_child(lambda flags=flags: self._rehearse(flags)):
                self._enter(flags)
                return
        self.namespaces = False

    def _rehearse(self, flags: int) -> None:
        self._enter(flags)
        if not _works_in_child(self._rehearse_inside):
            raise OSError

    def _rehearse_inside(self) -> None:
        self.settle()
        pid = self.fork()
        if pid == 0:
            self.wall_in(Bounds(memory=1 << 40, cpu_seconds=10, scratch=1 << 20), keep=2)
            os._exit(0)
        if os.waitpid(pid, 0)[1]:
            raise OSError

    def _enter(self, flags: int) -> None:
        if flags & CLONE_NEWUSER:
            self._new_user(flags)
        else:
            _unshare(flags)

    def _new_user(self, flags: int) -> None:
        """Unshare with a new user namespace, and stay in it the user that we are."""
        uid, gid = os.geteuid(), os.getegid()
        _unshare(flags)
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            where = (
                {"path": f"self/{name}", "dir_fd": self._proc}
                if self._proc >= 0
                else {"path": f"/proc/self/{name}"}
            )
            file = os.open(flags=os.O_WRONLY, **where)
            os.write(file, text.encode())
            os.close(file)

    def settle(self) -> None:
        """In the zygote, process 1 of its namespace: move into the small file tree."""
        if self.namespaces:
            # The new file tree has no /proc; these two descriptors serve the zygote, a solver closes them.
            self._proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
            self._own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY)
            # /sys exists on every Linux and no wanted path lies below it, so it can serve as the place to
            # mount on.
            _build_root(self.paths, self._closed, "/sys")
        # Python may be installed where "nobody" cannot read it; then a solver of root stays root, without its
        # powers.
        self._become_nobody = self.isolate and os.geteuid() == 0 and _works_in_child(_read_python_as_nobody)

    def fork(self) -> int:
        """Fork a solver, as process 1 of a new namespace where possible: then nothing survives it."""
        if self.namespaces:
            _unshare(CLONE_NEWPID)
        pid = os.fork()
        if self.namespaces and pid:
            _check(_libc.setns(self._own_pids, CLONE_NEWPID), "setns")
        return pid

    def wall_in(self, bounds: Bounds, keep: int) -> Tier:
        """In a solver: give up everything but descriptors 0 to 2 and ``keep``. There is no way back."""
        os.setsid()
        if SUPPORTED:
            prctl(PR_SET_PDEATHSIG, 9)
        if not self.isolate:
            _close_descriptors({keep})
            return Tier(rlimits=limit(bounds, threads=False))
        _close_descriptors({keep, self._proc})
        if self._become_nobody:
            _be_nobody()
            prctl(PR_SET_DUMPABLE, 1)  # else /proc/self belongs to root and the next step may not write there
            prctl(PR_SET_PDEATHSIG, 9)  # a change of user clears it
        if self.namespaces:
            self._new_user(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC)
            _mount(
                "tmpfs",
                SCRATCH,
                "tmpfs",
                MS_NOSUID | MS_NODEV,
                f"size={bounds.scratch},nr_inodes=4096,mode=700",
            )
            os.chdir(SCRATCH)
            os.close(self._proc)
        limited = limit(bounds, threads=self.namespaces)
        _drop_capabilities()
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        landlock = _restrict_paths(self._open, self._closed, scratch=self.namespaces)
        # Landlock does not govern modes and times of files; without an own file tree, nobody may change them
        # at all.
        seccomp = _restrict_calls({} if self.namespaces else _ATTRIBUTES)
        return Tier(self.namespaces, landlock, seccomp, limited)


def _be_nobody() -> None:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def _read_python_as_nobody() -> None:
    _be_nobody()
    for module in (os, sys.modules.get("numpy", os)):
        open(module.__file__, "rb").close()


def _works_in_child(attempt) -> bool:
    pid = os.fork()
    if pid == 0:
        try:
            attempt()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def _close_descriptors(keep: set[int]) -> None:
    last = 3
    for number in sorted(
        {number for number in keep if number > 2} | {resource.getrlimit(resource.RLIMIT_NOFILE)[0]}
    ):
        os.closerange(last, number)
        last = max(last, number + 1)


def _drop_capabilities() -> None:
    header = struct.pack("Ii", 0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this thread
    _syscall(SYS_CAPSET, header, bytes(24))


def limit(bounds: Bounds, threads: bool) -> bool:
    """Bound this process; its threads only where they are counted for it alone, not for all of its user."""
    limits = {
        "RLIMIT_AS": bounds.memory,
        "RLIMIT_CPU": bounds.cpu_seconds,
        "RLIMIT_FSIZE": bounds.scratch,
        "RLIMIT_NOFILE": bounds.files,
        "RLIMIT_CORE": 0,
        "RLIMIT_MSGQUEUE": 0,
        **({"RLIMIT_NPROC": bounds.threads} if threads else {}),
    }
    done = resource is not None
    for name, value in limits.items():
        try:
            resource.setrlimit(getattr(resource, name), (value, value))
        except (AttributeError, ValueError, OSError):  # macOS: no such limit, or not settable
            done = done and name in ("RLIMIT_MSGQUEUE",)
    return done


# --------------------------------------------------------------------------------------------------- Landlock

_READ_FILE, _READ_DIR, _WRITE_FILE = 1 << 2, 1 << 3, 1 << 1
_FILE_RIGHTS_OF_ABI = {1: 13, 2: 14, 3: 15, 4: 15}  # how many rights each version knows; 16 from version 5 on


def _restrict_paths(paths: list[str], closed: list[str], scratch: bool) -> int:
    """Forbid all paths but ``paths``, to read, and the scratch folder. Landlock's version, 0 without it."""
    try:
        version = _syscall(SYS_LANDLOCK_CREATE, 0, 0, 1)
    except OSError:
        return 0
    rights = (1 << _FILE_RIGHTS_OF_ABI.get(version, 16)) - 1
    # struct landlock_ruleset_attr: file rights, network rights (bind, connect), scopes (abstract sockets,
    # signals).
    words = [rights] + ([0b11] if version >= 4 else []) + ([0b11] if version >= 6 else [])
    attributes = struct.pack(f"{len(words)}Q", *words)
    rules = _syscall(SYS_LANDLOCK_CREATE, attributes, len(attributes), 0)
    for path in paths:
        _allow(rules, path, _READ_FILE | _READ_DIR)
    # The import system lists the folders on its way; the names in them are no secret, their contents are.
    for path in {str(COURSE), *(os.path.dirname(entry) for entry in closed)}:
        _allow(rules, path, _READ_DIR)
    for path in DEVICES:
        _allow(rules, path, _READ_FILE | (_WRITE_FILE if path == "/dev/null" else 0))
    # With the machine's own /proc: TensorFlow reads its own command line, and aborts when it cannot.
    _allow(rules, "/proc/self/cmdline", _READ_FILE)
    if scratch:
        _allow(rules, SCRATCH, rights & ~1)  # all but executing
    _syscall(SYS_LANDLOCK_RESTRICT, rules, 0)
    os.close(rules)
    return version


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not stat.S_ISDIR(os.fstat(beneath).st_mode):
        rights &= _READ_FILE | _WRITE_FILE
    _syscall(SYS_LANDLOCK_ADD, rules, 1, struct.pack("=Qi", rights, beneath), 0)
    os.close(beneath)


# ---------------------------------------------------------------------------------------------------- seccomp

# System calls that learner's code has no use for: (x86-64, AArch64), None where the machine lacks it.
_FORBIDDEN = {
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281), "socket": (41, 198),
    "connect": (42, 203), "bind": (49, 200), "listen": (50, 201), "accept": (43, 202), "accept4": (288, 242),
    "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "pidfd_send_signal":
    (424, 424), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "ptrace": (101, 117), "process_vm_readv":
    (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272), "process_madvise": (440, 440),
    "move_pages": (279, 239), "migrate_pages": (256, 238), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen":
    (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442,
    442), "unshare": (272, 97), "setns": (308, 268), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "fanotify_init": (300, 262), "io_uring_setup": (425, 425), "io_uring_enter":
    (426, 426), "io_uring_register": (427, 427), "memfd_create": (319, 279), "memfd_secret": (447, 447),
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190), "msgget": (68, 186),
    "mq_open": (240, 180), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246,
    104), "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225),
    "acct": (163, 89), "quotactl": (179, 60), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "adjtimex": (159, 171), "clock_adjtime": (305, 266), "sethostname": (170, 161), "setdomainname": (171,
    162), "syslog": (103, 116), "iopl": (172, None), "ioperm": (173, None), "personality": (135, 92),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "sync": (162, 81), "syncfs": (306, 267),
    "setpriority": (141, 140), "chown": (92, None), "lchown": (94, None), "fchown": (93, 55), "fchownat":
    (260, 54), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14),
    "lremovexattr": (198, 15), "fremovexattr": (199, 16),
}  # fmt: skip
_ATTRIBUTES = {
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
    "file_setattr": (469, 469), "setxattrat": (463, 463), "removexattrat": (466, 466),
}  # fmt: skip
_CLONE, _CLONE3, _SOCKETPAIR = (220, 435, 199) if _ARM else (56, 435, 53)
_KILL, _TGKILL, _PRLIMIT = (129, 131, 261) if _ARM else (62, 234, 302)
_ARCHITECTURE = 0xC00000B7 if _ARM else 0xC000003E
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _ERROR, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_EPERM, _ENOSYS = 1, 38


def _filter(more: dict[str, tuple[int | None, int | None]]) -> bytes:
    """The filter in classic BPF. Each instruction: operation, jump if true, jump if false, operand."""
    argument = [
        16 + 8 * i for i in range(6)
    ]  # offsets of the low words of the arguments in struct seccomp_data
    own = os.getpid()
    program = [
        (_LOAD, 0, 0, 4), (_EQUAL, 1, 0, _ARCHITECTURE), (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, 0),
        # x86-64 has a second numbering (x32) of the same calls from here on; AArch64 has no numbers so high.
        (_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _ERROR | _ENOSYS),
        # A thread is a clone with CLONE_THREAD. clone3 hides its flags in memory: libc then falls back to
        # clone.
        (_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _ERROR | _ENOSYS),
        (_EQUAL, 0, 4, _CLONE), (_LOAD, 0, 0, argument[0]), (_ANY_BIT, 1, 0, 0x00010000),
        (_RETURN, 0, 0, _ERROR | _EPERM), (_RETURN, 0, 0, _ALLOW),
        # Pairs of connected stream sockets only: others could send to an address.
        (_EQUAL, 0, 5, _SOCKETPAIR), (_LOAD, 0, 0, argument[1]), (_AND, 0, 0, 0xF), (_EQUAL, 1, 0, 1),
        (_RETURN, 0, 0, _ERROR | _EPERM), (_RETURN, 0, 0, _ALLOW),
    ]  # fmt: skip
    for number, allowed in ((_KILL, own), (_TGKILL, own), (_PRLIMIT, 0)):  # on this process alone
        program += [
            (_EQUAL, 0, 4, number), (_LOAD, 0, 0, argument[0]), (_EQUAL, 1, 0, allowed),
            (_RETURN, 0, 0, _ERROR | _EPERM), (_RETURN, 0, 0, _ALLOW),
        ]  # fmt: skip
    for numbers in (_FORBIDDEN | more).values():
        if numbers[_ARM] is not None:
            program += [(_EQUAL, 0, 1, numbers[_ARM]), (_RETURN, 0, 0, _ERROR | _EPERM)]
    program.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)


def _restrict_calls(more: dict[str, tuple[int | None, int | None]]) -> bool:
    code = ctypes.create_string_buffer(_filter(more))
    size = (len(code) - 1) // 8
    program = struct.pack("HxxxxxxP", size, ctypes.addressof(code))
    try:
        _syscall(SYS_SECCOMP, 1, 0, program)  # SECCOMP_SET_MODE_FILTER
    except OSError:
        return False
    return True
