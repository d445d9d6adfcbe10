"""The executable ledger: a claim is a sentence with a measurement behind it.

``claim("F1", "NumPy and Keras agree to float32 precision", below(gap, 1e-5))`` prints one line that is the same on
every machine, and raises when the measurement does not bear the sentence out. What tutorials say, under each ID, is
in ``claims.toml``.
"""

from __future__ import annotations

import json
import math
import os
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).with_name("claims.toml")


class ClaimFailed(AssertionError):
    """The measured numbers do not bear the sentence out."""


@dataclass(frozen=True)
class Entry:
    """One claim of the ledger: what tutorials say, and what the literature makes of it."""

    id: str
    text: str
    verdict: str
    references: tuple[str, ...]


@dataclass(frozen=True)
class Measured:
    """A comparison that knows its margin.

    ``margin`` is how far the measured number is on the right side of its limit, as a factor: 10 means that it could be
    ten times worse and the claim would still hold; below 1 the claim fails.
    """

    value: float
    limit: float
    margin: float
    relation: str

    def __bool__(self) -> bool:
        return self.margin >= 1

    def __str__(self) -> str:
        return f"{self.value:.4g} {self.relation} {self.limit:.4g}"


def below(value: float, limit: float) -> Measured:
    """``value`` is at most ``limit``; both non-negative."""
    return Measured(float(value), float(limit), _ratio(limit, value), "<=")


def above(value: float, limit: float) -> Measured:
    """``value`` is at least ``limit``; both non-negative."""
    return Measured(float(value), float(limit), _ratio(value, limit), ">=")


def close(value: float, expected: float, rtol: float) -> Measured:
    """``value`` is within ``rtol * |expected|`` of ``expected``."""
    allowed = rtol * abs(expected)
    return Measured(float(value), float(expected), _ratio(allowed, abs(value - expected)), f"within {rtol:.2g} of")


@cache
def ledger() -> dict[str, Entry]:
    """Every claim by its ID."""
    rows = tomllib.loads(SOURCE.read_text(encoding="utf-8"))["claim"]
    return {row["id"]: Entry(**{**row, "references": tuple(row["references"])}) for row in rows}


def claim(id: str, sentence: str, verdict: bool | Measured) -> None:
    """State ``sentence`` under the ledger's ``id``: print it when ``verdict`` is true, raise when it is not.

    Parameters
    ----------
    id : str
        An ID of ``claims.toml``, e.g. ``"G1"``.
    sentence : str
        What this run shows, in words that hold on every machine: no measured digits.
    verdict : bool or Measured
        A condition, or ``below(value, limit)``, ``above(value, limit)``, ``close(value, expected, rtol)``.

    Raises
    ------
    ClaimFailed
        When the verdict is false. The text gives the measured number and the limit.
    LookupError
        When the ledger has no such ID.
    """
    if id not in ledger():
        raise LookupError(f"The ledger has no claim {id!r}. Its IDs are in {SOURCE.name}: {', '.join(ledger())}.")
    holds = bool(verdict)
    _log(id, sentence, verdict, holds)
    if not holds:
        measured = f" Measured: {verdict}." if isinstance(verdict, Measured) else ""
        raise ClaimFailed(f"{id} does not hold here: {sentence}.{measured}")
    print(f"{id} ✓ {sentence}")


def _ratio(above: float, under: float) -> float:
    above, under = float(above), float(under)
    if math.isnan(above) or math.isnan(under) or above < 0 or under < 0:
        return 0.0
    return math.inf if under == 0 else above / under


def _log(id: str, sentence: str, verdict: bool | Measured, holds: bool) -> None:
    """Append to the file named by COURSE_CLAIMS_LOG, where the maintainers' test over seeds reads margins."""
    path = os.environ.get("COURSE_CLAIMS_LOG")
    if path:
        margin = verdict.margin if isinstance(verdict, Measured) else None
        measured = str(verdict) if isinstance(verdict, Measured) else None
        row = {"id": id, "sentence": sentence, "holds": holds, "margin": margin, "measured": measured}
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
