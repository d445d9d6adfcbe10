"""Interactive labs: each a pure ``compute``, a ``show`` that describes the figure, and a thin ``view``.

A new lab is one Python file. The browser's side (``lab.js``) and the still are drawn from the description::

    CONTROLS = (Slider("lr", "learning rate", -3, 0, 0.1, value=0.1, scale="log"),)

    def compute(lr):                         # arrays out; nothing but its arguments counts; test this
        return {"steps": steps, "loss": loss}

    def show(lr):
        found = compute(lr)
        curve = Line(found["steps"], found["loss"], name="gradient descent")
        plot = Plot("Loss", Axis("step"), Axis("loss", scale="log"), [curve], alt="The loss falls to ...")
        return Figure([plot], f"Loss after 100 steps: {found['loss'][-1]:.3f}.")

    def view():
        from course.labs.view import Lab     # ipywidgets is imported only when a lab is shown
        return Lab("one learning rate on a bowl", CONTROLS, show)

All parts (``Line``, ``Points``, ``Bars``, ``Band``, ``Heat``, ``Graph``, ...) are in
:mod:`course.labs.figure`.
"""
