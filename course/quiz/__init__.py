"""Quizzes: read from YAML (``definition``), judged (``judging``), shown (``rendering``; it needs ipywidgets).

A guide for authors. A lesson's ``quiz.yaml`` holds 6 to 10 questions, 2 or more of them with drawn values::

    questions:
      - id: q1
        kind: single                  # one right choice; multiple: every right choice and no other
        text: "Why is $\\\\partial L/\\\\partial W$ a `(inputs, units)` array?"
        choices:                      # shown in this order; put the right one at different letters
          - {key: a, text: "...", right: true, why: "optional here; shown with Right."}
          - {key: b, text: "...", why: "why it is wrong, without the word wrong"}
      - id: q2
        kind: numeric
        draw: {n: [3, 9], units: {choices: [16, 32]}, rate: {uniform: [0.1, 0.9], digits: 2}}     # optional
        text: "A dense layer has {n} inputs and {units} units. How many parameters?"
        answer: "n * units + units"   # + - * / // % ** abs exp log max min round sqrt tanh pi e
        tolerance: 0                  # absolute; rtol: 0.01 is relative; one is needed for a long fraction
        unit: "values"                # optional
        why: "Weights and biases: {n} * {units} + {units} = {answer}."      # shown when wrong
        mistakes: [{answer: "n * units", why: "The biases are missing, one per unit."}]
      - {id: q3, kind: ordering, text: "...", items: ["first", "second", "third"], why: "..."}  # shuffled
    predictions:                      # a poll before an experiment; right is optional
      - {id: cost, text: "...", choices: [{key: a, text: "...", right: true}, {key: b, text: ""}]}

Texts are Markdown with code, tables and ``$maths$``. In double quotes a TeX backslash is written twice, in a
block (``text: |``) once. ``{name}`` is a drawn value. In maths ``{n}`` becomes ``{16}``, as ``x_{n}``
needs. In code, braces around other names stay. ``{answer}`` in a ``why`` is the computed answer. A mistake
must never give the right answer, whatever is drawn. ``load`` refuses a malformed file and says why.
"""

from course.quiz.definition import Prediction, Quiz, QuizError, load
from course.quiz.judging import Sheet, Verdict, answer, commit, draw, report

__all__ = [
    "Prediction",
    "Quiz",
    "QuizError",
    "Sheet",
    "Verdict",
    "answer",
    "commit",
    "draw",
    "load",
    "report",
]
