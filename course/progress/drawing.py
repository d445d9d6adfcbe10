"""Drawing a standing: bars for a terminal, a map for a notebook. Text in, text out; no database here."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from itertools import groupby

from course.progress.standing import LessonStanding, next_of

BAR_WIDTH = 12
MARKS = {"done": "✓", "begun": "◐", "to do": "○"}
ASCII = str.maketrans({"█": "#", "░": ".", "✓": "x", "◐": "-", "○": " ", "·": "-"})


def text_report(standing: Mapping[str, LessonStanding], encoding: str = "utf-8") -> str:
    """A bar per lesson and what is next, in characters that ``encoding`` has.

    ::

        How a network learns
        ✓ 00 Start here     ████████████  exercises 1/1  quiz 3/3
        ◐ 01 Forward pass   ███░░░░░░░░░  exercises 2/5  quiz 1/8
    """
    width = max((len(place.lesson.title) for place in standing.values()), default=0)
    lines = [f"Gradient Clinic: {_sum_line(standing)}"]
    for part, places in _parts(standing):
        lines += ["", part, *(_text_line(place, width) for place in places)]
    text = "\n".join([*lines, "", next_sentence(standing)])
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        text = text.translate(ASCII)
    return text


def next_sentence(standing: Mapping[str, LessonStanding]) -> str:
    """What to do next and where it is: ``next: exercise 01.softmax in exercises/01_forward_pass.ipynb``."""
    place = next_of(standing)
    if place is None:
        return "next: nothing is left. Every exercise and every question is passed."
    item, lesson = place.next_item, place.lesson
    if item.kind == "check":
        return f"next: exercise {item.item_id} in exercises/{lesson.slug}.ipynb"
    return f"next: quiz question {item.item_id} in notebooks/{lesson.slug}.ipynb"


class Map:
    """A standing as a notebook shows it: a map of the course in HTML, the bars as plain text."""

    def __init__(self, standing: Mapping[str, LessonStanding]) -> None:
        self._standing = dict(standing)

    def __repr__(self) -> str:
        return text_report(self._standing)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": map_html(self._standing), "text/plain": repr(self)}


def map_html(standing: Mapping[str, LessonStanding]) -> str:
    """The map: a heading and a list per part, one stop per lesson. Each stop says its state in words.

    Colours come from the page's theme; marks, words and the dashed border of the next stop carry the meaning.
    """
    here = next_of(standing)
    parts = []
    for part, places in _parts(standing):
        stops = "".join(_stop(place, place is here) for place in places)
        parts.append(f'<h3>{escape(part)}</h3><ol class="gc-stops">{stops}</ol>')
    return (
        f'<style>{CSS}</style><section class="gc-map" aria-label="Map of the course">'
        f"<p><strong>{escape(_sum_line(standing))}</strong></p>{''.join(parts)}"
        f"<p><strong>{escape(next_sentence(standing))}</strong></p></section>"
    )


def _stop(place: LessonStanding, here: bool) -> str:
    share = 100 * place.passed / place.total if place.total else 0
    words = place.state + (", next" if here else "")
    kind = "gc-" + place.state.replace(" ", "")
    opening = f'<li class="{kind} gc-here" aria-current="step">' if here else f'<li class="{kind}">'
    return (
        f"{opening}"
        f'<span class="gc-mark" aria-hidden="true">{MARKS[place.state]}</span> '
        f"<strong>{place.lesson.number} {escape(place.lesson.title)}</strong> "
        f'<span class="gc-state">{words}</span>'
        f'<span class="gc-bar" aria-hidden="true"><span style="width:{share:.0f}%"></span></span>'
        f'<span class="gc-count">{_counts(place, " · ")}</span></li>'
    )


def _parts(standing: Mapping[str, LessonStanding]):
    return groupby(standing.values(), key=lambda place: place.lesson.part)


def _sum_line(standing: Mapping[str, LessonStanding]) -> str:
    passed = sum(place.passed for place in standing.values())
    return f"{passed} of {sum(place.total for place in standing.values())} passed"


def _counts(place: LessonStanding, between: str) -> str:
    names = {"check": "exercises", "quiz": "quiz"}
    counts = [(name, *place.count(kind)) for kind, name in names.items()]
    return between.join(f"{name} {passed}/{total}" for name, passed, total in counts if total)


def _text_line(place: LessonStanding, width: int) -> str:
    # A bar is full only when all is passed, and shows something as soon as one thing is.
    full = BAR_WIDTH * place.passed // place.total if place.total else 0
    full = max(full, 1) if place.passed else 0
    bar = "█" * full + "░" * (BAR_WIDTH - full)
    title = f"{MARKS[place.state]} {place.lesson.number} {place.lesson.title:<{width}}"
    return f"{title}  {bar}  {_counts(place, '  ')}".rstrip()


# Text has the theme's own contrast; the shapes' colours have at least 3 to 1 on white and on black.
CSS = """
.gc-map{font-family:var(--jp-content-font-family,sans-serif);font-size:14px;line-height:1.5;padding:8px;
 color:var(--jp-content-font-color0,#111);background:var(--jp-layout-color0,#fff)}
.gc-map h3{font-size:15px;font-weight:600;margin:12px 0 6px}
.gc-map p{margin:4px 0;overflow-wrap:anywhere}
.gc-map ol.gc-stops{list-style:none;display:grid;gap:10px;margin:0;padding:0;
 grid-template-columns:repeat(auto-fill,minmax(min(210px,100%),1fr))}
.gc-map li{border:1px solid #767676;border-left-width:5px;border-radius:6px;padding:8px 10px;margin:0}
.gc-map .gc-done{border-left-color:#0f8a63}
.gc-map .gc-begun{border-left-color:#c46210}
.gc-map .gc-here{outline:2px dashed currentColor;outline-offset:2px}
.gc-map .gc-mark{font-size:16px}
.gc-map .gc-state{float:right}
.gc-map .gc-count{display:block}
.gc-map .gc-bar{display:block;clear:both;height:10px;margin:6px 0;border:1px solid #767676;border-radius:5px;
 overflow:hidden}
.gc-map .gc-bar span{display:block;height:100%;background:#3380b5}
""".strip()
