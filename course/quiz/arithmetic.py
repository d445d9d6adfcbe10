"""Arithmetic of a quiz file, such as ``n * units + units``, parsed, checked and computed without ``eval``."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

LARGEST = 1e15
LONGEST = 200
FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs,
    "exp": math.exp,
    "log": math.log,
    "max": max,
    "min": min,
    "round": round,
    "sqrt": math.sqrt,
    "tanh": math.tanh,
}
CONSTANTS = {"pi": math.pi, "e": math.e}


class ArithmeticProblem(ValueError):
    """The expression is not allowed, or has no finite value; the text is the reason."""


@dataclass(frozen=True)
class Expression:
    """A checked expression; call it with the values of its names."""

    text: str
    names: frozenset[str]
    tree: ast.expr = field(compare=False, repr=False)

    def __call__(self, values: Mapping[str, float]) -> float:
        """The value of the expression.

        Raises
        ------
        ArithmeticProblem
            When the value, or that of a part, is not finite, not real or beyond 1e15.
        """
        try:
            return _value(self.tree, {**CONSTANTS, **values})
        except ZeroDivisionError:
            raise ArithmeticProblem(f"'{self.text}' divides by zero") from None
        except (ValueError, OverflowError, TypeError) as problem:
            if isinstance(problem, ArithmeticProblem):
                raise ArithmeticProblem(f"'{self.text}' {problem}") from None
            raise ArithmeticProblem(f"'{self.text}' cannot be computed ({problem})") from None


def parse(text: str) -> Expression:
    """Read an expression of numbers, names, ``+ - * / // % **`` and a few functions.

    Raises
    ------
    ArithmeticProblem
        When it holds anything else.
    """
    if len(text) > LONGEST:
        raise ArithmeticProblem(f"an expression may have {LONGEST} characters, this one has {len(text)}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ArithmeticProblem(f"'{text}' is no arithmetic expression") from None
    names: set[str] = set()
    try:
        _check(tree, names)
    except ArithmeticProblem as problem:
        raise ArithmeticProblem(f"'{text}' {problem}") from None
    return Expression(text.strip(), frozenset(names - set(CONSTANTS)), tree)


OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
SIGNS: dict[type[ast.unaryop], Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


def _check(node: ast.expr, names: set[str]) -> None:
    match node:
        case ast.Constant(value=value) if isinstance(value, int | float) and not isinstance(value, bool):
            return
        case ast.Name(id=name):
            names.add(name)
        case ast.UnaryOp(op=op, operand=operand) if type(op) in SIGNS:
            _check(operand, names)
        case ast.BinOp(op=op, left=left, right=right) if type(op) in OPERATORS:
            _check(left, names)
            _check(right, names)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            if name not in FUNCTIONS:
                raise ArithmeticProblem(f"calls {name}; allowed are {', '.join(FUNCTIONS)}")
            for argument in arguments:
                _check(argument, names)
        case _:
            raise ArithmeticProblem("may hold only numbers, names, + - * / // % ** and a few functions")


def _value(node: ast.expr, values: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=value):
            result = value
        case ast.Name(id=name):
            result = values[name]
        case ast.UnaryOp(op=op, operand=operand):
            result = SIGNS[type(op)](_value(operand, values))
        case ast.BinOp(op=op, left=left, right=right):
            first, second = _value(left, values), _value(right, values)
            if isinstance(op, ast.Pow):
                _check_power(first, second)
            result = OPERATORS[type(op)](first, second)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            result = FUNCTIONS[name](*(_value(argument, values) for argument in arguments))
    if isinstance(result, complex):
        raise ArithmeticProblem("is not a real number")
    if not abs(result) <= LARGEST:
        raise ArithmeticProblem("is not finite or is beyond 1e15")
    return result


def _check_power(base: float, exponent: float) -> None:
    # Before computing it: the integers of Python have no bound, and 9 ** 9 ** 9 would never end.
    if base != 0 and exponent * math.log(abs(base)) > math.log(LARGEST) + 1:
        raise ArithmeticProblem("is not finite or is beyond 1e15")
