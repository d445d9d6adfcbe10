"""Compare a learner's result with an oracle, and say the first thing that is wrong in the learner's terms.

Each function takes whatever a learner may return (NumPy, TensorFlow, lists, ``None``) and either gives back a clean
NumPy array or raises :class:`NotPassed` or :class:`NotAttempted`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from course.check.definition import Mistake, NotAttempted, NotPassed

# A float32 computation of a few hundred terms keeps four digits; float64 keeps far more.
RTOL = {"float16": 1e-2, "float32": 1e-4, "float64": 1e-6}


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
        raise NotPassed(f"{name}{_index(where)} is {what}; expected {want[where]:.4g}.", "not finite")
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
    items = dict(zip(want, got, strict=True))
    if all(item is Ellipsis for item in got):
        raise NotAttempted
    _not_swapped({name: numbers(item, name) for name, item in items.items() if _given(item)}, want, rtol)
    return {
        name: array(
            _written(item, name),
            want[name],
            name,
            shape=(shapes or {}).get(name, ""),
            mistakes=(mistakes or {}).get(name, ()),
            rtol=rtol,
        )
        for name, item in items.items()
    }


def _given(item: Any) -> bool:
    return item is not None and item is not Ellipsis


def _written(item: Any, name: str) -> Any:
    if not _given(item):
        stub = "..." if item is Ellipsis else "None"
        raise NotPassed(f"{name} is still `{stub}`. Write it next.", "part missing")
    return item


def _not_swapped(values: Mapping[str, np.ndarray], want: Mapping[str, Any], rtol: float | None) -> None:
    for (name, value), (other, beside) in combinations(values.items(), 2):
        crossed = _equal(value, want[other], rtol) and _equal(beside, want[name], rtol)
        if crossed and not _equal(value, want[name], rtol):
            raise NotPassed(f"{name} and {other} are swapped. Return ({', '.join(want)}).", "swapped")


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
        raise NotPassed(f"{name} should be an array of real numbers; {_kind(got, value)}.", "type")
    # A plain base-class copy: a subclass could answer comparisons as it likes.
    return np.array(value, subok=False)


def _kind(got: Any, value: np.ndarray | None) -> str:
    if isinstance(got, (str, bytes)):
        return "yours is text"
    if isinstance(got, (list, tuple)):
        return f"what your {type(got).__name__} holds does not make one"
    kind = type(got).__name__ if value is None or value.dtype.kind == "O" else f"of dtype {value.dtype}"
    return f"yours is {kind}"


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
    if value.shape == ():
        return f"{name} is a single number; expected an array of shape {expected}."
    text = f"{name} has shape {value.shape}; expected {expected}."
    if value.ndim == 2 and value.shape == want.shape[::-1]:
        text += " It has the shape of the transpose."
    elif value.size == want.size and value.size > 1:
        text += " The number of values is right; their arrangement is not."
    return text


def _about_values(value: np.ndarray, want: np.ndarray, name: str, rtol: float | None) -> NotPassed:
    if want.ndim == 2 and want.shape[0] == want.shape[1] and _equal(value.T, want, rtol):
        return NotPassed(f"{name} is the transpose of what is expected.", "transposed")
    signed = value.astype(float) if value.dtype.kind in "ub" else value
    if _equal(-signed, want, rtol):
        how = "every value is minus the expected one"
        if want.shape == ():
            how = f"it is {value:.4g}; expected {want:.4g}"
        return NotPassed(f"{name} has the wrong sign: {how}.", "sign")
    if not value.any() and want.any() and want.size > 1:
        return NotPassed(f"{name} is all zeros.", "all zeros")
    factor = _constant_factor(signed, want, rtol)
    if factor is not None:
        text = f"{name} is {factor:.4g} times the expected value, everywhere."
        return NotPassed(text, "constant factor")
    off = ~np.isclose(value.astype(float), want, rtol=1e-4, atol=1e-4 * np.abs(want).max(initial=0.0))
    if not off.any():
        off = np.abs(signed - want) == np.abs(signed - want).max()
    where = _first(off)
    text = f"{name}{_index(where)} is {'; expected '.join(_apart(value[where], want[where]))}."
    if value.size > 1:
        text += f" {int(off.sum())} of {value.size} values differ."
    if value.dtype.kind in "iu" and want.dtype.kind == "f":
        text += f" Your result has dtype {value.dtype}: integers cannot hold it."
    return NotPassed(text, "value")


def _constant_factor(value: np.ndarray, want: np.ndarray, rtol: float | None) -> float | None:
    square = float((want * want).sum())
    if want.size < 2 or square == 0:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        factor = float((value * want).sum()) / square
    return factor if factor != 0 and np.isfinite(factor) and _equal(value, factor * want, rtol) else None


def _first(mask: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(mask)[0]) if mask.ndim else ()


def _index(where: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, where))}]" if where else ""


def _apart(got: Any, want: Any) -> tuple[str, str]:
    """Both numbers in four digits, or in as many more as it takes to tell them apart."""
    for digits in range(4, 17):
        texts = f"{float(got):.{digits}g}", f"{float(want):.{digits}g}"
        if texts[0] != texts[1]:
            break
    return texts
