"""Show an outcome: one line of text, and a box in a notebook."""

from __future__ import annotations

from html import escape

from course.check.judging import NOT_ATTEMPTED, NOT_PASSED, PASSED, Outcome

SYMBOL = {PASSED: "✓", NOT_PASSED: "✗", NOT_ATTEMPTED: "○"}
# Border colours of the Okabe-Ito palette; text and background are the page's own, so contrast holds in any theme.
COLOUR = {PASSED: "#009E73", NOT_PASSED: "#D55E00", NOT_ATTEMPTED: "#7F7F7F"}


def text(outcome: Outcome) -> str:
    """The outcome as plain text, the message on a line of its own."""
    head = f"{SYMBOL[outcome.status]} {outcome.exercise}: {outcome.status}"
    if outcome.status == PASSED:
        return f"{head}. All {outcome.cases} cases hold."
    if outcome.status == NOT_ATTEMPTED:
        return f"{head} yet. Write your code in the cell above, run it, then run this check."
    tally = f"{outcome.passed} of {outcome.cases} cases hold" if outcome.cases else ""
    where = f" on {outcome.case}" if outcome.case else ""
    return f"{head}{where}.\n  {outcome.message}" + (f"\n  {tally}; hint({outcome.exercise!r}) helps." if tally else "")


class Display:
    """An outcome as Jupyter shows it."""

    def __init__(self, outcome: Outcome):
        self.outcome = outcome

    def __repr__(self) -> str:
        return text(self.outcome)

    def _repr_html_(self) -> str:
        head, *rest = text(self.outcome).split("\n")
        body = "".join(f"<div>{_code(line.strip())}</div>" for line in rest)
        return (
            f'<div role="status" style="border-left:5px solid {COLOUR[self.outcome.status]};padding:4px 12px;'
            f'margin:4px 0"><strong>{escape(head)}</strong>{body}</div>'
        )


def _code(line: str) -> str:
    """``line`` as HTML, with `backquoted` parts as code."""
    parts = escape(line).split("`")
    return "".join(f"<code>{part}</code>" if odd % 2 else part for odd, part in enumerate(parts))
