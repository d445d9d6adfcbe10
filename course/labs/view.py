"""The widget that shows any lab: controls and plots drawn in the browser, numbers computed here."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from course.labs.figure import Control, Figure, to_plain

HERE = Path(__file__).parent
# One module in the browser: the first two bring a drawing function each, the last one uses them.
SCRIPTS = ("axes.js", "graph.js", "lab.js")


class Lab(anywidget.AnyWidget):
    """A lab: whoever moves a control sees at once what ``show`` makes of the new values.

    Parameters
    ----------
    title
        Such as ``"a neuron and its decision boundary"``.
    controls
        In the order in which they are shown.
    show
        Takes the controls' values by name and returns the figure. Pure: nothing but its arguments counts.

    Attributes
    ----------
    values : dict
        The controls' values by name. Assign a new dict to move controls from Python.
    """

    _esm = "\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    _css = (HERE / "lab.css").read_text(encoding="utf-8")
    title = traitlets.Unicode().tag(sync=True)
    controls = traitlets.List().tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    figure = traitlets.Dict().tag(sync=True)

    def __init__(self, title: str, controls: Sequence[Control], show: Callable[..., Figure]) -> None:
        self._show = show
        values = {control.name: control.value for control in controls}
        super().__init__(
            title=title,
            controls=[to_plain(control) for control in controls],
            values=values,
            figure=to_plain(show(**values)),
        )

    @traitlets.observe("values")
    def _redraw(self, change: Any) -> None:
        if change["old"] is not traitlets.Undefined and self.figure:
            self.figure = to_plain(self._show(**self.values))

    def __repr__(self) -> str:
        return f"Lab: {self.title}"

    def still(self) -> bytes:
        """A PNG of the lab as it is now, for pages without a kernel."""
        from course.labs.still import draw

        return draw(self._show(**self.values), self.title, self._settings())

    def _settings(self) -> str:
        """The controls' values in words, e.g. ``w1 = 1, w2 = -2``."""
        return ", ".join(
            f"{control['label']} {_text(self.values[control['name']])}" for control in self.controls
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
        bundle, metadata = super()._repr_mimebundle_(**kwargs)
        plots = " ".join(plot["alt"] for plot in self.figure["plots"])
        bundle["text/plain"] = repr(self)
        bundle["image/png"] = base64.b64encode(self.still()).decode("ascii")
        return bundle, {**metadata, "image/png": {"alt": f"{self!r}. {plots} {self.figure['message']}"}}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:g}"
