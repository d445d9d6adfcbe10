"""Read what was handed in: files, folders and zips. All in memory and within bounds; nothing is extracted.

A zip is hostile until proven plain: its symlinks, absolute paths, paths out of the archive, nested archives,
encrypted and oversized entries become refusals, each with a reason, and are never opened.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

MB = 1_000_000
MAX_NOTEBOOK = 50 * MB
MAX_UNPACKED = 4_000 * MB  # bytes unpacked from one zip, all notebooks together
MAX_ENTRIES = 50_000
NESTED = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
LITTER = ("__MACOSX", ".ipynb_checkpoints", ".DS_Store", "Thumbs.db", "desktop.ini", "__pycache__")
CHUNK = 1 << 20


class Unreadable(Exception):
    """What was handed in cannot be read at all; the text is a sentence for the instructor."""


@dataclass(frozen=True)
class Sent:
    """One file that was handed in.

    ``path`` holds its folders and name below what was named on the command line, ``within`` the name of the
    folder or zip that holds it. ``data`` is ``None`` when the file was not read; ``problem`` then says why. A
    file that is no notebook is not read and has no problem.
    """

    path: tuple[str, ...]
    within: str
    data: bytes | None = None
    problem: str = ""
    modified: float = 0.0

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path[-1]

    @property
    def shown(self) -> str:
        """The file as an instructor finds it again."""
        return "/".join(self.path)


def read(path: Path) -> Iterator[Sent]:
    """Every file in ``path``: a notebook, a folder of them, or a zip.

    Raises
    ------
    Unreadable
        When ``path`` does not exist, or is neither a folder, a zip nor a notebook.
    """
    if path.is_dir():
        yield from _folder(path)
    elif not path.exists():
        raise Unreadable(f"There is no file or folder {path}. Give notebooks, folders, or zips.")
    elif path.suffix.lower() == ".zip":
        yield from _zip(path, (), path.stem)
    elif path.suffix.lower() == ".ipynb":
        yield _file(path, (path.name,), path.absolute().parent.name)
    else:
        raise Unreadable(f"{path} is neither a notebook (.ipynb), a folder nor a zip.")


def _folder(folder: Path) -> Iterator[Sent]:
    within = folder.absolute().name
    for place, folders, files in os.walk(folder, followlinks=False):
        for name in sorted(folders):
            if (Path(place) / name).is_symlink():
                yield Sent(
                    (*_below(Path(place), folder), name),
                    within,
                    problem="This is a link; links are not followed.",
                )
        folders[:] = sorted(name for name in folders if name not in LITTER)
        for name in sorted(files):
            path = Path(place) / name
            if _litter(name):
                continue
            if path.suffix.lower() == ".zip" and path.is_file() and not path.is_symlink():
                yield from _zip(path, (*_below(Path(place), folder), name), within)
            else:
                yield _file(path, (*_below(Path(place), folder), name), within)


def _below(place: Path, folder: Path) -> tuple[str, ...]:
    return place.relative_to(folder).parts


def _litter(name: str) -> bool:
    return name in LITTER or name.startswith("._")


def _file(path: Path, parts: tuple[str, ...], within: str) -> Sent:
    try:
        about = path.lstat()
        if stat.S_ISLNK(about.st_mode):
            return Sent(parts, within, problem="This is a link; links are not followed.")
        if not stat.S_ISREG(about.st_mode):
            return Sent(parts, within, problem="This is no regular file.")
        if path.suffix.lower() != ".ipynb":
            return Sent(parts, within, modified=about.st_mtime)
        if about.st_size > MAX_NOTEBOOK:
            return Sent(parts, within, problem=_too_large(about.st_size), modified=about.st_mtime)
        with path.open("rb") as file:
            data = file.read(MAX_NOTEBOOK + 1)
    except OSError as error:
        return Sent(parts, within, problem=f"The file cannot be read: {error.strerror}.")
    if len(data) > MAX_NOTEBOOK:
        return Sent(parts, within, problem=_too_large(len(data)), modified=about.st_mtime)
    return Sent(parts, within, data, modified=about.st_mtime)


def _zip(path: Path, prefix: tuple[str, ...], within: str) -> Iterator[Sent]:
    """The entries of a zip; ``prefix`` is its place in the folder of submissions, if it lies in one."""
    whole = prefix or (path.name,)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES:
                yield Sent(
                    whole, within, problem=f"The zip has {len(entries)} entries; the limit is {MAX_ENTRIES}."
                )
                return
            left = MAX_UNPACKED
            for entry in entries:
                sent = _entry(archive, entry, prefix, within, left)
                if sent is not None:
                    left -= len(sent.data or b"")
                    yield sent
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        yield Sent(whole, within, problem=f"The zip cannot be read: {error}.")


def _entry(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, prefix: tuple[str, ...], within: str, left: int
) -> Sent | None:
    """One entry as it was sent; ``None`` for folders and litter."""
    raw = entry.filename.replace("\\", "/")
    pieces = PurePosixPath(raw).parts
    kept = tuple(piece for piece in pieces if piece not in ("/", "..", ".") and not piece.endswith(":"))
    if entry.is_dir() or any(piece in LITTER for piece in kept) or (kept and _litter(kept[-1])):
        return None
    parts = (*prefix, *kept) or (within,)

    def refused(reason: str) -> Sent:
        return Sent(parts, within, problem=reason)

    if raw.startswith("/") or raw[1:2] == ":" or ".." in pieces or not kept:
        return refused(f"The zip entry {entry.filename[:200]!r} points outside the zip; it was not read.")
    if stat.S_ISLNK(entry.external_attr >> 16):
        return refused("This zip entry is a link; links are not followed.")
    if kept[-1].lower().endswith(NESTED):
        return refused("An archive inside an archive is not opened. Send the notebook (.ipynb) itself.")
    if not kept[-1].lower().endswith(".ipynb"):
        return Sent(parts, within)
    if entry.flag_bits & 1:
        return refused("This zip entry is encrypted.")
    try:
        with archive.open(entry) as file:
            data = _bounded(file, min(MAX_NOTEBOOK, left) + 1)
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        EOFError,
        NotImplementedError,
        ValueError,
        RuntimeError,
    ) as error:
        return refused(f"This zip entry cannot be read: {error}.")
    if len(data) > left:
        return refused(f"The zip unpacks to more than {MAX_UNPACKED // MB} MB; the rest of it was not read.")
    if len(data) > MAX_NOTEBOOK:
        return refused(_too_large(max(len(data), entry.file_size)))
    return Sent(parts, within, data, modified=_moment(entry))


def _bounded(file, limit: int) -> bytes:
    """At most ``limit`` bytes, whatever the entry's header claims about its size."""
    pieces, size = [], 0
    while size < limit:
        piece = file.read(min(CHUNK, limit - size))
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _moment(entry: zipfile.ZipInfo) -> float:
    try:
        return datetime(*entry.date_time).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0


def _too_large(size: int) -> str:
    return (
        f"The notebook is {size / MB:.0f} MB large; the limit is {MAX_NOTEBOOK // MB} MB. "
        "Clear its outputs (Edit, Clear Outputs of All Cells), save it, and send it again."
    )
