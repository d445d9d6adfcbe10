"""What a quiz is, read from ``quiz.yaml``. A malformed file is refused with file, question and reason."""

from __future__ import annotations

import difflib
import itertools
import math
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, NoReturn

import yaml

from course.quiz.arithmetic import CONSTANTS, FUNCTIONS, ArithmeticProblem, Expression, parse
from course.quiz.placeholders import names_in, number_text

KINDS = ("single", "multiple", "numeric", "ordering")
SAMPLED_DRAWS = 200
ALL_DRAWS_BELOW = 500
MOST_VALUES = 10_000


class QuizError(ValueError):
    """A quiz file is malformed; the text names file, question and reason."""


@dataclass(frozen=True)
class Choice:
    """One option of a choice question or a prediction."""

    key: str
    text: str
    right: bool
    why: str


@dataclass(frozen=True)
class ChoiceQuestion:
    """A question with one right choice (``single``) or several (``multiple``)."""

    id: str
    kind: str
    text: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Mistake:
    """What a known misconception computes, and what to say about it."""

    answer: Expression
    why: str


@dataclass(frozen=True)
class NumericQuestion:
    """A question answered by a number.

    ``draw`` maps each drawn name to its possible values. ``tolerance`` is absolute, ``rtol`` is relative to
    the answer; the wider of the two holds.
    """

    id: str
    text: str
    draw: Mapping[str, tuple[float, ...]]
    answer: Expression
    tolerance: float
    rtol: float
    unit: str
    why: str
    mistakes: tuple[Mistake, ...]
    kind: str = "numeric"

    def accepts(self, expected: float, given: float) -> bool:
        """Whether ``given`` is as near to ``expected`` as the question asks."""
        # A billionth more, so that 0.1 * 3 and 0.3 are the same answer.
        allowed = max(self.tolerance, self.rtol * abs(expected)) + 1e-9 * abs(expected)
        return abs(given - expected) <= allowed


@dataclass(frozen=True)
class OrderingQuestion:
    """Items to put in order; ``items`` holds them in the right one."""

    id: str
    text: str
    items: tuple[str, ...]
    why: str
    kind: str = "ordering"


Question = ChoiceQuestion | NumericQuestion | OrderingQuestion


@dataclass(frozen=True)
class Prediction:
    """A one-question poll before an experiment; the text after it tells the outcome. No choice has to be right."""

    id: str
    text: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Quiz:
    """The questions and predictions of one lesson. ``name`` is the lesson's folder."""

    name: str
    questions: tuple[Question, ...]
    predictions: tuple[Prediction, ...]

    def prediction(self, prediction_id: str) -> Prediction:
        """The prediction with this ID; LookupError, with the nearest IDs, when there is none."""
        known = {prediction.id: prediction for prediction in self.predictions}
        if prediction_id not in known:
            raise LookupError(f"There is no prediction {prediction_id!r}. {_nearest(prediction_id, known)}")
        return known[prediction_id]


def load(path: str | PathLike[str]) -> Quiz:
    """Read and check a quiz file.

    Raises
    ------
    QuizError
        With file, question and reason, when the file is malformed.
    """
    path = Path(path)
    top = _Fields(str(path), "", _read(path))
    top.allow("questions", "predictions")
    questions = tuple(_question(entry) for entry in top.entries("questions", "question"))
    predictions = tuple(
        _prediction(entry) for entry in top.entries("predictions", "prediction", optional=True)
    )
    top.refuse_repeats("id", [question.id for question in questions])
    top.refuse_repeats("prediction id", [prediction.id for prediction in predictions])
    return Quiz(path.resolve().parent.name, questions, predictions)


class _Loader(yaml.SafeLoader):
    """YAML that refuses a key given twice, where PyYAML keeps the last one without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping = super().construct_mapping(node, deep=deep)
        if len(mapping) < len(node.value):
            keys = [key.value for key, _ in node.value]
            twice = next(key for place, (key, _) in enumerate(node.value) if key.value in keys[:place])
            problem = f"the field '{twice.value}' is given twice"
            raise yaml.constructor.ConstructorError(None, None, problem, twice.start_mark)
        return mapping


def _read(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except yaml.MarkedYAMLError as problem:
        line = problem.problem_mark.line + 1 if problem.problem_mark else 1
        hint = (
            "; put a text with a colon or a # in quotes"
            if "mapping values" in (problem.problem or "")
            else ""
        )
        raise QuizError(f"{path}: line {line}: {problem.problem}{hint}.") from None
    except yaml.YAMLError as problem:
        raise QuizError(f"{path}: this is no YAML: {' '.join(str(problem).split())}.") from None
    except OSError as problem:
        raise QuizError(f"{path}: cannot be read ({problem.strerror}).") from None
    except UnicodeDecodeError:
        raise QuizError(f"{path}: the file is not UTF-8 text; save it as UTF-8.") from None


class _Fields:
    """One mapping of the file, read field by field; every complaint names where it stands."""

    def __init__(self, path: str, where: str, mapping: Any) -> None:
        self.path, self.where = path, where
        if not isinstance(mapping, dict):
            self.mapping: dict[Any, Any] = {}
            self.refuse(f"expected fields such as 'name: value', found {_shown(mapping)}")
        self.mapping = mapping

    def refuse(self, reason: str) -> NoReturn:
        place = f"{self.where}: " if self.where else ""
        raise QuizError(f"{self.path}: {place}{reason}.")

    def inside(self, where: str, mapping: Any) -> _Fields:
        return _Fields(self.path, f"{self.where}, {where}" if self.where else where, mapping)

    def allow(self, *names: str) -> None:
        for name in self.mapping:
            if name not in names:
                self.refuse(f"unknown field {_shown(name)}; {_nearest(str(name), names, end='')}")

    def text(self, name: str, default: str | None = None) -> str:
        value = self.mapping.get(name, default)
        if value is None:
            self.refuse(f"the field '{name}' is missing")
        if not isinstance(value, str):
            self.refuse(f"'{name}' must be text, found {_shown(value)}; put it in quotes")
        if default is None and not value.strip():
            self.refuse(f"'{name}' is empty")
        return value.strip()

    def identifier(self) -> str:
        value = self.text("id")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", value):
            self.refuse(f"the id {value!r} must be lower-case letters, digits and _, starting with a letter")
        return value

    def flag(self, name: str) -> bool:
        value = self.mapping.get(name, False)
        if not isinstance(value, bool):
            self.refuse(f"'{name}' must be true or false, found {_shown(value)}")
        return value

    def size(self, name: str) -> float:
        """A finite number that is not negative; 0 when the field is missing."""
        value = self.number(name, self.mapping.get(name, 0))
        if value < 0:
            self.refuse(f"'{name}' must not be negative, found {_shown(value)}")
        return value

    def number(self, name: str, value: Any) -> float:
        # YAML reads 1e-3, which has no point, as text.
        try:
            if isinstance(value, bool) or not math.isfinite(float(value)):
                raise ValueError
        except (TypeError, ValueError, OverflowError):
            self.refuse(f"'{name}' must be a finite number, found {_shown(value)}")
        return value if isinstance(value, int) else float(value)

    def items(self, name: str, at_least: int) -> list[Any]:
        value = self.mapping.get(name)
        if not isinstance(value, list) or len(value) < at_least:
            found = f"{len(value)}" if isinstance(value, list) else _shown(value)
            self.refuse(f"'{name}' must be a list of at least {at_least}, found {found}")
        return value

    def entries(self, name: str, what: str, *, optional: bool = False) -> Iterator[_Fields]:
        """The mappings of a list, each placed by its ID, or by its position where it has none."""
        if optional and name not in self.mapping:
            return
        for position, entry in enumerate(self.items(name, 1), 1):
            known = isinstance(entry, dict) and isinstance(entry.get("id"), str)
            yield self.inside(f"{what} {entry['id']}" if known else f"{what} number {position}", entry)

    def expression(self, name: str, names: Iterable[str]) -> Expression:
        value = self.mapping.get(name)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self.refuse(f"'{name}' must be a number or an arithmetic expression, found {_shown(value)}")
        try:
            expression = parse(str(value))
        except ArithmeticProblem as problem:
            self.refuse(f"{name} {problem}")
        unknown = sorted(expression.names - set(names))
        if unknown:
            self.refuse(f"{name} '{expression.text}' uses {unknown[0]}, {_not_drawn(unknown[0], names)}")
        return expression

    def refuse_repeats(self, what: str, values: list[str]) -> None:
        twice = [value for value in values if values.count(value) > 1]
        if twice:
            self.refuse(f"the {what} {twice[0]!r} is given twice")

    def refuse_unknown_placeholders(self, names: Iterable[str], **texts: str) -> None:
        for field, text in texts.items():
            unknown = sorted(names_in(text) - set(names))
            if unknown:
                self.refuse(f"'{field}' uses {{{unknown[0]}}}, {_not_drawn(unknown[0], names)}")


def _question(fields: _Fields) -> Question:
    kind = fields.text("kind")
    if kind not in KINDS:
        fields.refuse(f"unknown kind {kind!r}; {_nearest(kind, KINDS, end='')}")
    return {"numeric": _numeric, "ordering": _ordering}.get(kind, _choice_question)(fields)


def _choice_question(fields: _Fields) -> ChoiceQuestion:
    fields.allow("id", "kind", "text", "choices")
    kind, text = fields.text("kind"), fields.text("text")
    choices = _choices(fields)
    right = [choice.key for choice in choices if choice.right]
    if not right:
        fields.refuse("no choice has 'right: true'")
    if kind == "single" and len(right) > 1:
        fields.refuse(f"'single' takes one right choice, found {' and '.join(right)}; or make it 'multiple'")
    if len(right) == len(choices):
        fields.refuse("every choice is right; add a wrong one")
    for choice in choices:
        if not choice.right and not choice.why:
            fields.refuse(f"choice {choice.key} is wrong and has no 'why'; say why it is wrong")
    fields.refuse_unknown_placeholders((), text=text)
    return ChoiceQuestion(fields.identifier(), kind, text, choices)


def _choices(fields: _Fields) -> tuple[Choice, ...]:
    choices = []
    for position, entry in enumerate(fields.items("choices", 2), 1):
        inner = fields.inside(f"choice number {position}", entry)
        inner.allow("key", "text", "right", "why")
        choice = Choice(inner.text("key"), inner.text("text"), inner.flag("right"), inner.text("why", ""))
        if not re.fullmatch("[a-z]", choice.key):
            inner.refuse(f"the key {choice.key!r} must be one lower-case letter")
        choices.append(choice)
    fields.refuse_repeats("key", [choice.key for choice in choices])
    fields.refuse_repeats("choice text", [choice.text for choice in choices])
    return tuple(choices)


def _numeric(fields: _Fields) -> NumericQuestion:
    fields.allow("id", "kind", "draw", "text", "answer", "tolerance", "rtol", "unit", "why", "mistakes")
    draw = _draw(fields)
    given = fields.mapping.get("mistakes", [])
    if not isinstance(given, list):
        fields.refuse(f"'mistakes' must be a list, found {_shown(given)}")
    mistakes = []
    for position, entry in enumerate(given, 1):
        inner = fields.inside(f"mistake number {position}", entry)
        inner.allow("answer", "why")
        mistakes.append(Mistake(inner.expression("answer", draw), inner.text("why")))
        inner.refuse_unknown_placeholders([*draw, "answer"], why=mistakes[-1].why)
    question = NumericQuestion(
        id=fields.identifier(),
        text=fields.text("text"),
        draw=draw,
        answer=fields.expression("answer", draw),
        tolerance=fields.size("tolerance"),
        rtol=fields.size("rtol"),
        unit=fields.text("unit", ""),
        why=fields.text("why"),
        mistakes=tuple(mistakes),
    )
    fields.refuse_unknown_placeholders(draw, text=question.text)
    fields.refuse_unknown_placeholders([*draw, "answer"], why=question.why)
    for values in _sampled(draw):
        _check_values(fields, question, values)
    return question


def _draw(fields: _Fields) -> dict[str, tuple[float, ...]]:
    given = fields.mapping.get("draw", {})
    if not isinstance(given, dict):
        fields.refuse(f"'draw' must map names to values, found {_shown(given)}")
    draw = {}
    for name, values in given.items():
        if not isinstance(name, str) or not name.isidentifier():
            fields.refuse(f"'draw' needs names such as units, found {_shown(name)}")
        if name == "answer" or name in FUNCTIONS or name in CONSTANTS:
            fields.refuse(f"the name {name!r} has a meaning of its own; draw under another name")
        draw[name] = _drawn_values(fields, name, values)
    return draw


def _drawn_values(fields: _Fields, name: str, values: Any) -> tuple[float, ...]:
    """All values that a name can take, in order."""
    match values:
        case [int(low), int(high)] if low < high and high - low < MOST_VALUES:
            return tuple(range(low, high + 1))
        case {"choices": [_, _, *_] as given, **rest} if not rest:
            return tuple(fields.number(f"draw {name}", value) for value in given)
        case {"uniform": [low, high], "digits": int(digits), **rest} if not rest and 0 <= digits <= 9:
            first, last = (round(fields.number(f"draw {name}", end) * 10**digits) for end in (low, high))
            if 0 < last - first < MOST_VALUES:
                return tuple(round(step / 10**digits, digits) for step in range(first, last + 1))
    fields.refuse(
        f"draw {name} must be [3, 9], {{choices: [16, 32]}} or {{uniform: [0.1, 0.9], digits: 2}} "
        f"with at most {MOST_VALUES} values, found {_shown(values)}"
    )


def _sampled(draw: Mapping[str, tuple[float, ...]]) -> Iterator[dict[str, float]]:
    """Every combination of the drawn values where there are few, 200 of them otherwise."""
    if math.prod(len(values) for values in draw.values()) <= ALL_DRAWS_BELOW:
        for combination in itertools.product(*draw.values()):
            yield dict(zip(draw, combination, strict=True))
        return
    rng = random.Random(0)
    for _ in range(SAMPLED_DRAWS):
        yield {name: rng.choice(values) for name, values in draw.items()}


def _check_values(fields: _Fields, question: NumericQuestion, values: Mapping[str, float]) -> None:
    drawn = ", ".join(f"{name} = {number_text(value)}" for name, value in values.items())
    when = f" when {drawn}" if drawn else ""
    try:
        right = question.answer(values)
        wrong = [(mistake, mistake.answer(values)) for mistake in question.mistakes]
    except ArithmeticProblem as problem:
        fields.refuse(f"{problem}{when}")
    # Four decimals can be typed exactly; a longer number needs to be told how near is near enough.
    if not question.tolerance and not question.rtol and abs(right - round(right, 4)) > 1e-9 * abs(right):
        fields.refuse(f"the answer is {right:.8g}{when}; give a 'tolerance' or an 'rtol'")
    for mistake, value in wrong:
        if question.accepts(right, value):
            near = "equals" if math.isclose(value, right, rel_tol=1e-9) else "is within the tolerance of"
            fields.refuse(f"the mistake '{mistake.answer.text}' {near} the answer {number_text(right)}{when}")


def _ordering(fields: _Fields) -> OrderingQuestion:
    fields.allow("id", "kind", "text", "items", "why")
    items = fields.items("items", 3)
    for item in items:
        if not isinstance(item, str) or not item.strip():
            fields.refuse(f"an item must be text, found {_shown(item)}; put it in quotes")
    if len(items) > 10:
        fields.refuse(f"'items' may have 10 entries, found {len(items)}")
    fields.refuse_repeats("item", [item.strip() for item in items])
    text = fields.text("text")
    fields.refuse_unknown_placeholders((), text=text)
    return OrderingQuestion(
        fields.identifier(), text, tuple(item.strip() for item in items), fields.text("why")
    )


def _prediction(fields: _Fields) -> Prediction:
    fields.allow("id", "text", "choices")
    choices = _choices(fields)
    if sum(choice.right for choice in choices) > 1:
        fields.refuse("a prediction has at most one right choice")
    if any(choice.why for choice in choices):
        fields.refuse("the choices of a prediction take no 'why'; the text after the experiment tells")
    return Prediction(fields.identifier(), fields.text("text"), choices)


def _nearest(given: str, known: Iterable[str], *, end: str = ".") -> str:
    known = list(known)
    near = difflib.get_close_matches(given, known, n=2, cutoff=0.7)
    return f"nearest: {' or '.join(near)}{end}" if near else f"known: {', '.join(known) or 'none'}{end}"


def _not_drawn(name: str, names: Iterable[str]) -> str:
    names = list(names)
    return f"which is not drawn; {_nearest(name, names, end='')}" if names else "but nothing is drawn"


def _shown(value: Any) -> str:
    """A value of the file as it appears in a complaint."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false (YAML reads a bare yes, no, on, off so)"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
