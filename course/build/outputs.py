"""The outputs of notebooks: made the same from run to run, and compared within a cell's tolerance."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

WIDGET = "application/vnd.jupyter.widget-view+json"
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")
CELL_FILE = re.compile(r"""(?<![^\s"'])[^\s"']*ipykernel_\d+[\\/]\d+\.py""")
NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")
TOLERANCE_TAG = re.compile(r"nbval-tol=((?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")


def clean(outputs: Iterable[NotebookNode]) -> list[NotebookNode]:
    """The outputs, changed in place, without what differs from run to run.

    Views of widgets go (their HTML or picture stays), memory addresses and temporary file names are masked,
    and pieces of one stream become one.
    """
    kept: list[NotebookNode] = []
    for output in outputs:
        if output.output_type == "stream":
            output.text = mask(output.text)
            if kept and kept[-1].output_type == "stream" and kept[-1].name == output.name:
                kept[-1].text += output.text
                continue
        elif output.output_type in ("display_data", "execute_result"):
            output.data = {kind: mask(value) for kind, value in output.data.items() if kind != WIDGET}
            output.pop("transient", None)
            if not output.data:
                continue
        elif output.output_type == "error":
            output.traceback = [mask(line) for line in output.traceback]
        kept.append(output)
    return kept


def mask(value: object) -> object:
    """A text with memory addresses and the kernel's temporary file names replaced; anything else as it is."""
    if not isinstance(value, str):
        return value
    return CELL_FILE.sub("<cell>", ADDRESS.sub("at 0x0", value))


def tolerance(tags: Iterable[str]) -> float | None:
    """Relative tolerance among a cell's tags, e.g. 0.001 for ``nbval-tol=1e-3``; None if there is none."""
    found = [match[1] for match in map(TOLERANCE_TAG.fullmatch, tags) if match]
    return float(found[0]) if found else None


def agree(expected: str, found: str, rtol: float) -> bool:
    """Whether two texts differ in nothing but floats, and in those by at most ``rtol`` of the expected one.

    A number without a point and an exponent counts as text: it must be the same.
    """
    # Splitting at a group gives text, number, text, ... and at least one text.
    ours, theirs = NUMBER.split(expected), NUMBER.split(found)
    if ours[::2] != theirs[::2]:
        return False
    return all(_close(a, b, rtol) for a, b in zip(ours[1::2], theirs[1::2], strict=True))


def settle(found: list[NotebookNode], expected: list[NotebookNode], rtol: float) -> None:
    """Give each text of ``found`` the wording of its counterpart in ``expected`` where both :func:`agree`."""
    for ours, theirs in zip(expected, found, strict=False):
        if ours.output_type == theirs.output_type == "stream":
            pairs = [(ours, theirs, "text")]
        else:
            old, new = ours.get("data", {}), theirs.get("data", {})
            pairs = [(old, new, kind) for kind in old.keys() & new.keys() if kind.startswith("text/")]
        for old, new, key in pairs:
            if agree(old[key], new[key], rtol):
                new[key] = old[key]


def _close(expected: str, found: str, rtol: float) -> bool:
    if expected == found:
        return True
    if not all(re.search(r"[.eE]", text) for text in (expected, found)):
        return False
    return math.isclose(float(expected), float(found), rel_tol=0, abs_tol=rtol * abs(float(expected)))
