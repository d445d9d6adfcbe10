"""Milliseconds from a moved control to the new figure, in Python, for every lab. The browser's drawing comes on top.

    python benchmarks/lab_redraw.py
"""

import statistics
from time import perf_counter

from course.labs import depth, graph, ladder, neuron, steps

for lab in (neuron, graph, steps, depth, ladder):
    view = lab.view()
    slider = next(control for control in view.controls if control["type"] == "slider")
    values = [slider["low"], slider["high"]] * 10
    taken = []
    for value in values:
        position = 10.0**value if slider.get("scale") == "log" else value
        start = perf_counter()
        view.values = {**view.values, slider["name"]: position}
        taken.append(1000 * (perf_counter() - start))
    print(f"{lab.__name__:22} median {statistics.median(taken):6.1f} ms, longest {max(taken):6.1f} ms")
