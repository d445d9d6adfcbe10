"""Concrete questions for one learner, and what their answers are worth. No widgets here."""

from __future__ import annotations

import math
import random
import re
import string
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from course.quiz.definition import (
    Choice,
    ChoiceQuestion,
    NumericQuestion,
    OrderingQuestion,
    Prediction,
    Question,
    Quiz,
)
from course.quiz.placeholders import fill, number_text

Status = Literal["right", "wrong", "unread"]
SYMBOLS: dict[Status, str] = {"right": "✓", "wrong": "✗", "unread": "?"}


@dataclass(frozen=True)
class Verdict:
    """What an answer is worth.

    ``status`` is ``"unread"`` when the answer could not be read, for example text where a number was asked;
    that is not a wrong answer. ``feedback`` is Markdown. ``answer`` is the answer in one plain form (``"b"``,
    ``"ac"``, ``0.5``, ``"cab"``), None when unread.
    """

    question_id: str
    status: Status
    feedback: str
    answer: str | float | None = None

    @property
    def right(self) -> bool:
        """Whether the answer is right."""
        return self.status == "right"

    @property
    def counts(self) -> bool:
        """Whether the answer could be read at all."""
        return self.status != "unread"

    @property
    def symbol(self) -> str:
        """✓, ✗ or ?."""
        return SYMBOLS[self.status]


@dataclass(frozen=True)
class Option:
    """A choice or an item as a learner sees it: a letter and a text, and nothing about being right."""

    key: str
    text: str


class Verdicts(list[Verdict]):
    """Several verdicts; as the value of a notebook cell they are shown as ``report`` writes them."""

    def __repr__(self) -> str:
        return report(self)


class Unreadable(ValueError):
    """The answer is not of the kind that was asked; the text says which is."""


@dataclass(frozen=True)
class ChoiceItem:
    """A choice question on a sheet. The choices keep the order and the letters of the file."""

    question: ChoiceQuestion = field(repr=False)
    id: str
    kind: str
    text: str
    options: tuple[Option, ...]

    def judge(self, answer: Any) -> Verdict:
        """Every right choice and no wrong one."""
        keys = _letters(answer, [option.key for option in self.options])
        if self.kind == "single" and len(keys) > 1:
            raise Unreadable(f"This question takes one choice, you gave {len(keys)}.")
        chosen = [choice for choice in self.question.choices if choice.key in keys]
        wrong = [choice for choice in chosen if not choice.right]
        missing = sum(choice.right for choice in self.question.choices) - (len(chosen) - len(wrong))
        given = "".join(choice.key for choice in chosen)
        if not wrong and not missing:
            return Verdict(self.id, "right", _joined("Right.", chosen), given)
        if self.kind == "single":
            return Verdict(self.id, "wrong", _joined("Not right.", chosen), given)
        lines = [f"- {choice.key}: {choice.why}" for choice in wrong]
        if missing:
            lines.append(f"- {missing} right {'choice is' if missing == 1 else 'choices are'} missing.")
        return Verdict(self.id, "wrong", "\n".join(["Not right.", "", *lines]), given)


@dataclass(frozen=True)
class NumericItem:
    """A numeric question with its values drawn."""

    question: NumericQuestion = field(repr=False)
    id: str
    text: str
    unit: str
    accuracy: str
    values: dict[str, float]
    kind: str = "numeric"
    options: tuple[Option, ...] = ()

    @property
    def expected(self) -> float:
        """The right answer for the drawn values, computed."""
        return self.question.answer(self.values)

    def judge(self, answer: Any) -> Verdict:
        """Near enough to the computed answer; a known mistake is named."""
        number = _number(answer, self.unit)
        expected = self.expected
        if self.question.accepts(expected, number):
            return Verdict(self.id, "right", "Right.", number)
        # Two mistakes can give the same number for some draws: then both are named.
        reasons = [
            mistake.why
            for mistake in self.question.mistakes
            if self.question.accepts(mistake.answer(self.values), number)
        ]
        reason = fill(" Or: ".join(reasons) or self.question.why, {**self.values, "answer": expected})
        return Verdict(self.id, "wrong", f"Not right. {reason}", number)


@dataclass(frozen=True)
class OrderingItem:
    """An ordering question, shuffled. Letters go by the order shown and move with their items."""

    question: OrderingQuestion = field(repr=False)
    id: str
    text: str
    options: tuple[Option, ...]
    kind: str = "ordering"

    def judge(self, answer: Any) -> Verdict:
        """The whole order; feedback names the first place that is wrong."""
        letters = [option.key for option in self.options]
        given = _letters(answer, letters)
        if sorted(given) != letters:
            raise Unreadable(
                f'Give every letter once, in your order, for example "{"".join(reversed(letters))}".'
            )
        texts = {option.key: option.text for option in self.options}
        order = [texts[letter] for letter in given]
        if order == list(self.question.items):
            return Verdict(self.id, "right", "Right.", "".join(given))
        first = next(
            i for i, (got, want) in enumerate(zip(order, self.question.items, strict=True)) if got != want
        )
        feedback = f"Not right. The first item out of place is number {first + 1}. {self.question.why}"
        return Verdict(self.id, "wrong", feedback, "".join(given))


Item = ChoiceItem | NumericItem | OrderingItem


@dataclass(frozen=True)
class Sheet:
    """The questions of a quiz as one learner gets them."""

    name: str
    seed: int
    items: tuple[Item, ...]

    def judge(self, question_id: str, answer: Any) -> Verdict:
        """Judge one answer. An answer or an ID that cannot be read gets a sentence, never an exception."""
        item = next((item for item in self.items if item.id == question_id), None)
        if item is None:
            known = ", ".join(item.id for item in self.items)
            return Verdict(question_id, "unread", f"This quiz has no question {question_id}; it has {known}.")
        try:
            return item.judge(answer)
        except Unreadable as problem:
            return Verdict(question_id, "unread", str(problem))


def draw(quiz: Quiz, seed: int) -> Sheet:
    """The quiz with values drawn and items shuffled. The same seed gives the same sheet on every machine."""
    return Sheet(quiz.name, seed, tuple(_item(quiz.name, question, seed) for question in quiz.questions))


def answer(sheet: Sheet, **answers: Any) -> Verdicts:
    """Judge answers given by code: ``answer(sheet, q1="b", q2=12, q3="ac")``."""
    return Verdicts(sheet.judge(question_id, given) for question_id, given in answers.items())


def report(verdicts: Iterable[Verdict]) -> str:
    """The verdicts as text, one paragraph each: ``q1 ✓ Right.``."""
    return "\n".join(
        f"{verdict.question_id} {verdict.symbol} "
        + verdict.feedback.replace("\n\n", "\n").replace("\n", "\n  ")
        for verdict in verdicts
    )


def commit(prediction: Prediction, choice: Any) -> Verdict:
    """Read a choice of a prediction. It is neither right nor wrong yet: ``feedback`` only notes it.

    ``status`` is ``"right"`` or ``"wrong"`` all the same, for later; do not show it before the experiment.
    A prediction of which no choice is marked right is never ``"wrong"``.
    """
    try:
        keys = _letters(choice, [option.key for option in prediction.choices])
        if len(keys) > 1:
            raise Unreadable(f"A prediction takes one choice, you gave {len(keys)}.")
    except Unreadable as problem:
        return Verdict(prediction.id, "unread", str(problem))
    right = [option.key for option in prediction.choices if option.right]
    status: Status = "right" if not right or keys == right else "wrong"
    return Verdict(prediction.id, status, f"Noted: {keys[0]}. Now run the next cell.", keys[0])


def _item(quiz_name: str, question: Question, seed: int) -> Item:
    # A text as a seed is hashed by SHA-512, alike on every machine and Python.
    rng = random.Random(f"{quiz_name}/{question.id}/{seed}")
    match question:
        case ChoiceQuestion():
            options = tuple(Option(choice.key, choice.text) for choice in question.choices)
            return ChoiceItem(question, question.id, question.kind, question.text, options)
        case NumericQuestion():
            values = {name: rng.choice(possible) for name, possible in question.draw.items()}
            return NumericItem(
                question, question.id, fill(question.text, values), question.unit, _accuracy(question), values
            )
        case OrderingQuestion():
            shown = list(question.items)
            while shown == list(question.items):
                rng.shuffle(shown)
            options = tuple(
                Option(key, text) for key, text in zip(string.ascii_lowercase, shown, strict=False)
            )
            return OrderingItem(question, question.id, question.text, options)


def _accuracy(question: NumericQuestion) -> str:
    parts = []
    if question.tolerance:
        parts.append(f"within {number_text(question.tolerance)}")
    if question.rtol:
        parts.append(f"within {number_text(100 * question.rtol)} %")
    return f"accepted {' or '.join(parts)}" if parts else ""


def _joined(opening: str, choices: list[Choice]) -> str:
    return " ".join([opening, *(choice.why for choice in choices if choice.why)])


def _letters(answer: Any, known: list[str]) -> list[str]:
    """The letters chosen, once each, of ``"ac"``, ``"a, c"``, ``["a", "c"]``, ``{"a"}`` or ``[1, 3]``."""
    letters = []
    for part in _parts(answer):
        if isinstance(part, str) and not part.isdecimal():
            letters.append(part.lower())
        elif 1 <= int(part) <= len(known):
            letters.append(known[int(part) - 1])
        else:
            raise Unreadable(f"There is no choice number {part}; there are {len(known)}.")
    unknown = [letter for letter in letters if letter not in known]
    if unknown:
        raise Unreadable(f"There is no choice {_quoted(unknown[0])}; the choices are {', '.join(known)}.")
    if not letters:
        raise Unreadable("Choose at least one.")
    return list(dict.fromkeys(letters))


def _parts(answer: Any) -> list[str | int]:
    if isinstance(answer, str):
        return list(re.sub(r"[\s,;>]+", "", answer))
    if isinstance(answer, int) and not isinstance(answer, bool):
        return [answer]
    if isinstance(answer, list | tuple | set | frozenset):
        parts = [part.strip() if isinstance(part, str) else part for part in answer]
        if all(isinstance(part, str | int) and not isinstance(part, bool) for part in parts):
            return parts
    raise Unreadable(f'Answer with letters, for example "b" or "ac"; you gave {_kind(answer)}.')


def _number(answer: Any, unit: str) -> float:
    if isinstance(answer, str):
        text = answer.strip().removesuffix(unit).strip().replace("−", "-")
        if not text:
            raise Unreadable("Type a number, for example 12 or 0.5.")
        if "," in text:
            raise Unreadable(
                "Write the number without commas and with a point for decimals, as in 0.5; "
                f"you gave {_quoted(text)}."
            )
    elif (
        isinstance(answer, bool | complex) or not hasattr(answer, "__float__") or getattr(answer, "shape", ())
    ):
        raise Unreadable(f"Answer with one number, for example 12 or 0.5; you gave {_kind(answer)}.")
    else:
        text = answer
    try:
        number = float(text)
    except OverflowError:
        number = math.inf
    except (TypeError, ValueError):
        raise Unreadable(
            f"Answer with one number, for example 12 or 0.5; you gave {_quoted(answer)}."
        ) from None
    if not math.isfinite(number):
        raise Unreadable(f"Answer with a finite number; you gave {_quoted(answer)}.")
    return number


def _quoted(value: Any) -> str:
    try:
        text = str(value)
    except ValueError:  # an integer too long for Python to write out
        text = "a very long number"
    text = " ".join(text.split()).replace("`", "'")
    return f"`{text if len(text) <= 40 else text[:37] + '...'}`"


def _kind(value: Any) -> str:
    kind = type(value).__name__
    return {"NoneType": "nothing (None)", "bool": "True or False"}.get(
        kind, f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"
    )
