"""Quizzes and predictions as widgets, as HTML without widgets, and as text.

A widget's state holds questions, options and the feedback already given, never what is right: judging happens
in Python. Maths becomes MathML, which browsers draw themselves, so it needs neither network nor MathJax. The
stored HTML keeps ``$...$`` instead: JupyterLab strips MathML from outputs that are not trusted, and typesets
dollars.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import anywidget
import traitlets
from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from course.quiz import judging
from course.quiz.definition import Prediction
from course.quiz.judging import Item, NumericItem, Sheet, Verdict, Verdicts

HERE = Path(__file__).parent
ASKED = {
    "single": "choose one",
    "multiple": "choose all that apply",
    "numeric": "type a number",
    "ordering": "put in order",
}


class UnknownMaths(ValueError):
    """A formula uses a command that cannot be shown; the text names both."""


def mathml(tex: str, *, block: bool = False) -> str:
    """A TeX formula as MathML.

    Raises
    ------
    UnknownMaths
        When the formula does not parse or a command has no counterpart.
    """
    try:
        result = convert(tex, display="block" if block else "inline")
        tree = ElementTree.fromstring(result)
    except Exception as problem:  # the converter raises what its parser happens to meet
        raise UnknownMaths(f"The formula ${tex}$ cannot be read ({type(problem).__name__}).") from problem
    if "\\" in result:
        command = result[result.index("\\") :].split("<")[0]
        raise UnknownMaths(f"The formula ${tex}$ uses {command}, which cannot be shown.")
    if any(len(fraction) != 2 for fraction in tree.iter("{http://www.w3.org/1998/Math/MathML}mfrac")):
        raise UnknownMaths(f"The formula ${tex}$ has a fraction without its two parts.")
    return result


def html(text: str, *, dollars: bool = False, inline: bool = False) -> str:
    """Markdown with ``$...$`` as HTML; HTML in the text is shown, not obeyed. ``dollars`` keeps the TeX."""
    markdown = _markdown(dollars)
    return markdown.renderInline(text) if inline else markdown.render(text).strip()


@cache
def _markdown(dollars: bool) -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    return markdown.use(
        dollarmath_plugin, allow_labels=False, double_inline=True, renderer=_kept if dollars else _converted
    )


def _kept(tex: str, options: Mapping[str, Any]) -> str:
    marks = "$$" if options["display_mode"] else "$"
    return f"{marks}{escape(tex)}{marks}"


def _converted(tex: str, options: Mapping[str, Any]) -> str:
    return mathml(tex, block=options["display_mode"])


class _Questions(anywidget.AnyWidget):
    """Questions drawn in the browser. ``{"id", "answer"}`` comes in, a reply per question goes out."""

    _esm = HERE / "quiz.js"
    _css = HERE / "quiz.css"
    label = traitlets.Unicode().tag(sync=True)
    questions = traitlets.List().tag(sync=True)
    replies = traitlets.Dict().tag(sync=True)

    def __init__(self, **state: Any) -> None:
        super().__init__(**state)
        self.on_msg(lambda _, content, __: self._receive(content))

    def _receive(self, content: Mapping[str, Any]) -> None:
        raise NotImplementedError

    def _reply(self, verdict: Verdict, *, status: str, symbol: str, locked: bool = False) -> None:
        # The count makes a second, equal reply a change, so that it is announced again.
        count = self.replies.get(verdict.question_id, {}).get("count", 0) + 1
        reply = {
            "status": status,
            "html": f'<span aria-hidden="true">{symbol}</span> {html(verdict.feedback)}',
            "answer": verdict.answer,
            "locked": locked,
            "count": count,
        }
        self.replies = {**self.replies, verdict.question_id: reply}

    def _fallback(self) -> str:
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        data["text/plain"] = repr(self)
        data["text/html"] = self._fallback()
        return bundle


class QuizView(_Questions):
    """A sheet to answer by mouse, keyboard or screen reader. ``print(view)`` gives the questions as text."""

    def __init__(
        self,
        sheet: Sheet,
        on_answer: Callable[[Verdict, Any], None],
        answered: Mapping[str, Any] | None = None,
    ) -> None:
        self.sheet, self._on_answer = sheet, on_answer
        super().__init__(label="Quiz", questions=[_question_state(item) for item in sheet.items])
        for question_id, given in (answered or {}).items():
            verdict = sheet.judge(question_id, given)
            if verdict.counts:
                self._show(verdict)

    def answer(self, **answers: Any) -> Verdicts:
        """Answer by code, as by hand: ``view.answer(q1="b", q2=12)``."""
        verdicts = judging.answer(self.sheet, **answers)
        for verdict in verdicts:
            self._show(verdict)
            if verdict.counts:
                self._on_answer(verdict, verdict.answer)
        return verdicts

    def _receive(self, content: Mapping[str, Any]) -> None:
        self.answer(**{content["id"]: content.get("answer")})

    def _show(self, verdict: Verdict) -> None:
        if any(item.id == verdict.question_id for item in self.sheet.items):
            self._reply(verdict, status=verdict.status, symbol=verdict.symbol)

    def _fallback(self) -> str:
        return fallback(self.sheet)

    def __repr__(self) -> str:
        return f"Quiz with {len(self.sheet.items)} questions"

    def __str__(self) -> str:
        return text(self.sheet)


class PredictionView(_Questions):
    """A poll before an experiment: one choice, noted and then kept."""

    def __init__(
        self, prediction: Prediction, on_choice: Callable[[str], None], answered: str | None = None
    ) -> None:
        self.prediction, self._on_choice = prediction, on_choice
        state = {
            "id": prediction.id,
            "kind": "single",
            "title": "Your prediction: choose one",
            "html": html(prediction.text),
            "options": [_option_state(choice.key, choice.text) for choice in prediction.choices],
            "button": "Commit",
        }
        super().__init__(label="Prediction", questions=[state])
        if answered is not None:
            self._note(judging.commit(prediction, answered))

    def choose(self, choice: Any) -> Verdict:
        """Commit by code, as by hand."""
        verdict = judging.commit(self.prediction, choice)
        self._note(verdict)
        if verdict.counts:
            self._on_choice(verdict.answer)
        return verdict

    def _receive(self, content: Mapping[str, Any]) -> None:
        # A second click that was under way when the first was noted changes nothing.
        if not self.replies.get(self.prediction.id, {}).get("locked"):
            self.choose(content.get("answer"))

    def _note(self, verdict: Verdict) -> None:
        if verdict.counts:
            self._reply(verdict, status="noted", symbol="✎", locked=True)
        else:
            self._reply(verdict, status="unread", symbol=verdict.symbol)

    def _fallback(self) -> str:
        options = _options_html((choice.key, choice.text) for choice in self.prediction.choices)
        question = html(self.prediction.text, dollars=True)
        return f"<div><p><strong>Your prediction</strong></p>{question}{options}</div>"

    def __repr__(self) -> str:
        return f"Prediction {self.prediction.id!r} with {len(self.prediction.choices)} choices"

    def __str__(self) -> str:
        lines = [f"Your prediction: {self.prediction.text}"]
        return "\n".join(lines + [f"  {choice.key}. {choice.text}" for choice in self.prediction.choices])


def view(
    sheet: Sheet, on_answer: Callable[[Verdict, Any], None], answered: Mapping[str, Any] | None = None
) -> QuizView:
    """The widget of a sheet.

    ``on_answer(verdict, answer)`` is called for every answer that could be read, after its feedback is shown,
    with the answer in its plain form (``verdict.answer``). ``answered`` maps question IDs to earlier answers
    in that form, which are shown with their feedback again.
    """
    return QuizView(sheet, on_answer, answered)


def prediction_view(
    prediction: Prediction, on_choice: Callable[[str], None], answered: str | None = None
) -> PredictionView:
    """The widget of a prediction; ``on_choice(key)`` is called once. ``answered`` is an earlier choice."""
    return PredictionView(prediction, on_choice, answered)


def fallback(sheet: Sheet) -> str:
    """The questions as HTML without scripts or answers, for a page without a kernel."""
    parts = [_item_html(item) for item in sheet.items]
    by_code = f"<code>.answer({sheet.items[0].id}=...)</code>"
    how = f"<p>Run the notebook to answer. Without widgets, add {by_code} to the call.</p>"
    return f"<div>{''.join(parts)}{how}</div>"


def text(sheet: Sheet) -> str:
    """The questions as plain text, for a terminal."""
    lines = []
    for item in sheet.items:
        lines.append(f"{_title(item)}. {item.text}")
        lines += [f"  {option.key}. {option.text}" for option in item.options]
    return "\n".join(lines)


def _title(item: Item) -> str:
    """What a question asks for, e.g. ``q4: type a number (accepted within 2 %)``."""
    title = f"{item.id}: {ASKED[item.kind]}"
    return f"{title} ({_number_note(item)})" if _number_note(item) else title


def _number_note(item: Item) -> str:
    """The unit of a number and how near it has to be."""
    if not isinstance(item, NumericItem):
        return ""
    return ", ".join(filter(None, [item.unit, item.accuracy]))


def _item_html(item: Item) -> str:
    options = _options_html((option.key, option.text) for option in item.options)
    return (
        f"<div><p><strong>{escape(_title(item))}</strong></p>{html(item.text, dollars=True)}{options}</div>"
    )


def _question_state(item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "kind": item.kind,
        "title": f"{item.id}: {ASKED[item.kind]}",
        "note": _number_note(item),
        "html": html(item.text),
        "options": [_option_state(option.key, option.text) for option in item.options],
        "button": "Answer",
    }


def _option_state(key: str, option: str) -> dict[str, str]:
    return {"key": key, "html": html(option, inline=True)}


def _options_html(options: Any) -> str:
    rows = "".join(f"<li>{key}. {html(option, dollars=True, inline=True)}</li>" for key, option in options)
    return f'<ul style="list-style: none">{rows}</ul>' if rows else ""
