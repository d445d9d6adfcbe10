"""Compare a learner's result with an oracle, and say the first thing that is wrong in the learner's terms.

Each function takes whatever a learner may return (NumPy, TensorFlow, lists, ``None``) and either gives back a clean
NumPy array or raises :class:`NotPassed` or :class:`NotAttempted`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from course.check.definition import Mistake, NotAttempted, NotPassed

# A float32 computation of a few hundred terms keeps four digits; float64 keeps far more.
RTOL = {"float16": 1e-2, "bfloat16": 1e-2, "float32": 1e-4, "float64": 1e-6}


def array(
    got: Any,
    want: Any,
    name: str,
    *,
    shape: str = "",
    mistakes: Sequence[Mistake] = (),
    rtol: float | None = None,
) -> np.ndarray:
    """``got`` has the shape and, to float precision, the values of ``want``.

    Parameters
    ----------
    name : str
        What the learner calls the result, e.g. ``"dkernel"``.
    shape : str
        What the shape means, e.g. ``"(inputs, units)"``; added to a message about the shape.
    mistakes : sequence of Mistake
        Values that known misconceptions give. The first one that ``got`` equals supplies the message.
    rtol : float, optional
        Relative tolerance, of the largest value; by default that of the result's precision.
    """
    want = np.asarray(want)
    value = numbers(got, name)
    for mistake in mistakes:
        wrong = np.asarray(mistake.value)
        if wrong.shape == value.shape and _equal(value, wrong, rtol) and not _equal(value, want, rtol):
            raise NotPassed(mistake.message, mistake.label)
    if value.shape != want.shape:
        raise NotPassed(_about_shape(value, want, name, shape), "shape")
    bad = ~np.isfinite(value) & np.isfinite(want)
    if bad.any():
        where = _first(bad)
        what = "NaN" if np.isnan(value[where]) else "infinite"
        raise NotPassed(f"{name}{_index(where)} is {what}; expected {_number(want[where])}.", "not finite")
    if not _equal(value, want, rtol):
        raise _about_values(value, want, name, rtol)
    return value


def arrays(
    got: Any,
    want: Mapping[str, Any],
    *,
    shapes: Mapping[str, str] | None = None,
    mistakes: Mapping[str, Sequence[Mistake]] | None = None,
    rtol: float | None = None,
) -> dict[str, np.ndarray]:
    """``got`` is a tuple of the arrays in ``want``, in that order. Arguments as for :func:`array`, by name."""
    names = ", ".join(want)
    if got is None:
        raise NotPassed(f"Your function returned None. It should return ({names}). Is the `return` line missing?")
    if got is Ellipsis:
        raise NotAttempted
    if isinstance(got, Mapping) and set(got) == set(want):
        got = [got[name] for name in want]
    if not isinstance(got, (tuple, list)) or len(got) != len(want):
        what = f"{len(got)} things" if isinstance(got, (tuple, list)) else f"one {type(got).__name__}"
        raise NotPassed(f"Your function returned {what}. It should return {len(want)}: ({names}).", "count")
    values = {name: numbers(item, name) for name, item in zip(want, got, strict=True)}
    for name, value in values.items():
        for other, expected in want.items():
            elsewhere = other != name and _equal(value, expected, rtol) and not _equal(value, want[name], rtol)
            if elsewhere and _equal(values[other], want[name], rtol):
                raise NotPassed(f"{name} and {other} are swapped. Return ({names}).", "swapped")
    return {
        name: array(
            value,
            want[name],
            name,
            shape=(shapes or {}).get(name, ""),
            mistakes=(mistakes or {}).get(name, ()),
            rtol=rtol,
        )
        for name, value in values.items()
    }


def number(got: Any, want: float, name: str, *, mistakes: Sequence[Mistake] = (), rtol: float | None = None) -> float:
    """``got`` is one number, equal to ``want``. Arguments as for :func:`array`."""
    return float(array(got, np.asarray(want), name, shape="a single number", mistakes=mistakes, rtol=rtol))


def true(condition: Any, message: str, mistake: str | None = None) -> None:
    """A property of the result holds; otherwise ``message`` says what does not."""
    if not bool(condition):
        raise NotPassed(message, mistake)


def numbers(got: Any, name: str) -> np.ndarray:
    """``got`` as a NumPy array of numbers, whatever library made it."""
    if got is Ellipsis or (isinstance(got, (tuple, list)) and any(item is Ellipsis for item in got)):
        raise NotAttempted
    if got is None:
        raise NotPassed(f"{name} is None. Is the `return` line missing?", "none")
    try:
        value = np.asarray(got)
    except Exception:  # ragged lists, symbolic tensors, foreign objects: all are told the same thing
        value = None
    if value is None or value.dtype.kind not in "fiub":
        if str(getattr(value, "dtype", "")) == "bfloat16":
            return value.astype("float32")
        kind = type(got).__name__ if value is None or value.dtype.kind == "O" else f"of dtype {value.dtype}"
        raise NotPassed(f"{name} should be an array of real numbers; yours is {kind}.", "type")
    # A plain base-class copy: a subclass could answer comparisons as it likes.
    return np.array(value, subok=False)


def _equal(value: np.ndarray, want: Any, rtol: float | None) -> bool:
    want = np.asarray(want)
    if value.shape != want.shape:
        return False
    if want.size == 0:
        return True
    if rtol is None:
        rtol = RTOL.get(str(value.dtype), 1e-6)
    finite = np.isfinite(want)
    scale = np.abs(want[finite]).max(initial=0.0)
    with np.errstate(invalid="ignore"):
        near = np.abs(value.astype(float) - want) <= rtol * (scale + 1e-12)
    return bool(np.where(finite, near, (value == want) | (np.isnan(want) & np.isnan(value))).all())


def _about_shape(value: np.ndarray, want: np.ndarray, name: str, meaning: str) -> str:
    expected = f"{want.shape}{f', {meaning}' if meaning else ''}"
    if want.shape == ():
        expected = meaning or "a single number"
    text = f"{name} has shape {value.shape}; expected {expected}."
    if value.ndim == 2 and value.shape == want.shape[::-1]:
        text += " It has the shape of the transpose."
    elif value.size == want.size and value.size > 1:
        text += " The number of values is right; their arrangement is not."
    return text


def _about_values(value: np.ndarray, want: np.ndarray, name: str, rtol: float | None) -> NotPassed:
    if want.ndim == 2 and want.shape[0] == want.shape[1] and _equal(value.T, want, rtol):
        return NotPassed(f"{name} is the transpose of what is expected.", "transposed")
    if _equal(-value, want, rtol):
        return NotPassed(f"{name} has the wrong sign: every value is minus the expected one.", "sign")
    if not value.any() and want.any():
        return NotPassed(f"{name} is all zeros.", "all zeros")
    factor = _constant_factor(value, want, rtol)
    if factor is not None:
        text = f"{name} is {_number(factor)} times the expected value, everywhere."
        return NotPassed(text, "constant factor")
    off = ~np.isclose(value.astype(float), want, rtol=1e-4, atol=1e-4 * np.abs(want).max(initial=0.0))
    if not off.any():
        off = np.abs(value - want) == np.abs(value - want).max()
    where = _first(off)
    text = f"{name}{_index(where)} is {_number(value[where])}; expected {_number(want[where])}."
    if value.size > 1:
        text += f" {int(off.sum())} of {value.size} values differ."
    if value.dtype.kind in "iu" and want.dtype.kind == "f":
        text += f" Your result has dtype {value.dtype}: integers cannot hold it."
    return NotPassed(text, "value")


def _constant_factor(value: np.ndarray, want: np.ndarray, rtol: float | None) -> float | None:
    square = float((want * want).sum())
    if want.size < 2 or square == 0:
        return None
    factor = float((value * want).sum()) / square
    return factor if factor != 0 and _equal(value, factor * want, rtol) else None


def _first(mask: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(mask)[0]) if mask.ndim else ()


def _index(where: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, where))}]" if where else ""


def _number(value: Any) -> str:
    return f"{float(value):.4g}"
