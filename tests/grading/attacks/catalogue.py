"""Reads the attacks from ``notebooks/*.txt``: one attack after each line ``=== its name | what is special``.

Special is: ``double 1/3``, the marks that the notebook deserves for ``double`` when they are not 0, and
``control``: without walls the attack does get hold of something, which proves that it is one. Placeholders in
the cells are filled in by the test: @secret@ (a folder with another student's notebook and a store), @course@
(the package's folder), @repository@, @port@ (a server that listens on this machine), @unix@ (a named socket),
@pid@ (the grader's process).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

# What the cells of an attack may count on: a list to report finds in, and ways to the grader's socket.
PRELUDE = """
import os, sys, socket, stat, ctypes, threading, time, gc, json, struct
found = []
libc = ctypes.CDLL(None, use_errno=True)

def loot():
    return [str(thing) for thing in found]

def get(attempt):
    try:
        thing = attempt()
    except BaseException:
        return None
    if thing is not None and thing is not False and thing != "":
        found.append(thing)
    return thing

def wires():
    result = []
    for number in range(3, 300):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                result.append(number)
        except OSError:
            pass
    return result

def forge(**fields):
    header = json.dumps({"value": None, "sizes": [], **fields}).encode()
    os.write(wires()[0], struct.pack("!IQ", len(header), 0) + header)

def right_number():
    frame = sys._getframe()
    while "request" not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals["request"]["number"]
"""
HONEST = "def mean(x):\n    return float(np.mean(x))"
WRONG = "def double(x):\n    return x + 0"


@dataclass(frozen=True)
class Attack:
    """One hostile notebook. ``double`` is the score it deserves there; it always deserves 1 for ``mean``."""

    group: str
    name: str
    cell: str
    double: float = 0.0
    control: bool = False

    @property
    def notebook(self) -> tuple[str, ...]:
        """All cells: the honest answer and the wrong one come first, so that the attack can replace them."""
        return (PRELUDE, HONEST, WRONG, self.cell)


def attacks() -> list[Attack]:
    """Every attack of the suite."""
    found = []
    for path in sorted(Path(__file__).with_name("notebooks").glob("*.txt")):
        for block in ("\n" + path.read_text(encoding="utf-8")).split("\n=== ")[1:]:
            title, cell = block.split("\n", 1)
            name, _, special = title.partition(" | ")
            words = special.split(", ") if special else []
            marks = [float(Fraction(word.split()[1])) for word in words if word.startswith("double")]
            found.append(Attack(path.stem, name.strip(), cell, *marks, control="control" in words))
    return found
