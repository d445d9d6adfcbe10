"""Drawn values in the texts of a question: ``{units}`` becomes ``64``.

Inside maths the braces stay, because they group there: ``$x_{n}$`` becomes ``$x_{16}$``. Braces around what
is not a drawn name are left alone in maths and in code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

# Code first: a dollar sign in code opens no maths.
CODE_OR_MATHS = re.compile(r"(```.*?```|`[^`]*`)|(\$\$.+?\$\$|(?<!\\)\$[^$]+?(?<!\\)\$)", re.DOTALL)
NAME_IN_BRACES = re.compile(r"\{\s*([A-Za-z_]\w*)\s*\}")


def names_in(text: str) -> set[str]:
    """The names in braces in the prose of a text, which must all have a value."""
    return set(NAME_IN_BRACES.findall(CODE_OR_MATHS.sub(" ", text)))


def fill(text: str, values: Mapping[str, float]) -> str:
    """The text with its drawn values."""
    if not values:
        return text
    pieces, end = [], 0
    for found in CODE_OR_MATHS.finditer(text):
        pieces.append(_fill(text[end : found.start()], values, keep_braces=False))
        pieces.append(_fill(found.group(), values, keep_braces=found.group(2) is not None))
        end = found.end()
    pieces.append(_fill(text[end:], values, keep_braces=False))
    return "".join(pieces)


def number_text(value: float) -> str:
    """A number as a person writes it: ``64``, ``0.1``, ``0.00001``; six digits of a long fraction."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    short = Decimal(f"{value:.6g}")
    return f"{short:f}" if 1e-7 <= abs(value) < 1e15 else f"{short}"


def _fill(text: str, values: Mapping[str, float], *, keep_braces: bool) -> str:
    def replaced(found: re.Match[str]) -> str:
        if found.group(1) not in values:
            return found.group()
        number = number_text(values[found.group(1)])
        return f"{{{number}}}" if keep_braces else number

    return NAME_IN_BRACES.sub(replaced, text)
