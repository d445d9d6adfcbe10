// The page's side of every lab: builds the controls once, sends their values to Python, draws the figure that comes
// back. Uses `drawAxes`, `drawLegend` and `numeral` of axes.js and `drawGraph` of graph.js.


const element = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

/** A slider with its label and its value in digits. */
function slider(control, id, send) {
  const log = control.scale === "log";
  const input = element("input", { type: "range", id, min: control.low, max: control.high, step: control.step });
  const output = element("output", { for: id, "aria-live": "off" }); // the slider itself says its value
  const value = () => (log ? 10 ** Number(input.value) : Number(input.value));
  const show = () => {
    output.textContent = numeral(value());
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.addEventListener("input", () => {
    show();
    send(value());
  });
  return {
    row: element("div", { class: "gc-control" }, element("label", { for: id }, control.label), input, output),
    set(given) {
      const place = log ? Math.log10(given) : given;
      if (Number(input.value) !== place) input.value = place;
      show();
    },
  };
}

/** One of several options. */
function choice(control, id, send) {
  const input = element("select", { id });
  for (const option of control.options) input.append(element("option", { value: option }, option));
  input.addEventListener("change", () => send(input.value));
  return {
    row: element("div", { class: "gc-control gc-choice" }, element("label", { for: id }, control.label), input),
    set: (given) => (input.value = given),
  };
}

/** Two buttons that step back and forth. They are never disabled, since that would lose the keyboard's focus. */
function steps(control, id, send) {
  const output = element("output", { id });
  const [back, next] = ["Back", "Next"].map((word) => element("button", { type: "button", "aria-describedby": id }, word));
  let now = control.value;
  let highest = control.high;
  const show = () => {
    output.textContent = `${control.label} ${now} of ${highest}`;
    back.setAttribute("aria-disabled", now <= 0);
    next.setAttribute("aria-disabled", now >= highest);
  };
  const move = (by) => {
    const to = Math.min(highest, Math.max(0, now + by));
    if (to !== now) send((now = to));
    show();
  };
  back.addEventListener("click", () => move(-1));
  next.addEventListener("click", () => move(1));
  return {
    row: element("div", { class: "gc-control gc-steps", role: "group", "aria-label": control.label }, back, output, next),
    set(given, limit) {
      highest = limit ?? control.high;
      now = Math.min(given, highest);
      show();
    },
  };
}

const BUILDERS = { slider, choice, steps };

function render({ model, el }) {
  const id = `gc-lab-${Math.random().toString(36).slice(2)}`; // each lab is a module of its own: no counter is shared
  const name = `Lab: ${model.get("title")}`;
  const form = element("div", { class: "gc-controls" });
  const plots = element("div", { class: "gc-plots" });
  const message = element("p", { class: "gc-message", role: "status" });
  const root = element(
    "div",
    { class: "gc-lab", role: "group", "aria-label": name },
    element("p", { class: "gc-lab-name" }, name),
    element("div", { class: "gc-body" }, element("div", { class: "gc-side" }, form, message), plots),
  );

  // The notebook must not take the keys that are meant for a slider, a list or a button; it keeps its chords.
  root.addEventListener("keydown", (event) => {
    const chord = event.ctrlKey || event.metaKey || event.altKey || event.shiftKey;
    if (!chord && !["Tab", "Escape"].includes(event.key)) event.stopPropagation();
  });

  const controls = {};
  for (const control of model.get("controls")) {
    const send = (value) => {
      model.set("values", { ...model.get("values"), [control.name]: value });
      model.save_changes();
    };
    controls[control.name] = BUILDERS[control.type](control, `${id}-${control.name}`, send);
    form.append(controls[control.name].row);
  }

  const showValues = () => {
    const highest = model.get("figure").highest;
    for (const [control, value] of Object.entries(model.get("values"))) controls[control].set(value, highest[control]);
  };

  const draw = () => {
    const figure = model.get("figure");
    figure.plots.forEach((plot, i) => {
      const frame = plots.children[i];
      if (!frame.clientWidth) return;
      const drawn =
        plot.type === "graph"
          ? drawGraph(plot, frame.clientWidth, `${id}-${i}`)
          : drawAxes(plot, frame.clientWidth, `${id}-${i}`) + drawLegend(plot);
      frame.innerHTML = `<figcaption>${clean(plot.title)}</figcaption><div class="gc-drawing">${drawn}</div>`;
    });
    if (message.textContent !== figure.message) message.textContent = figure.message;
  };

  const onFigure = () => {
    showValues(); // a new figure may bring a new upper end for a Steps control
    draw();
  };

  plots.append(...model.get("figure").plots.map(() => element("figure", {})));
  root.classList.toggle("gc-tall", model.get("figure").plots.some((plot) => plot.type === "graph"));
  model.on("change:figure", onFigure);
  model.on("change:values", showValues);
  let width = 0;
  const resized = new ResizeObserver(() => {
    if (plots.clientWidth !== width) draw();
    width = plots.clientWidth;
  });
  resized.observe(plots);
  showValues();
  el.append(root);
  draw();

  return () => {
    model.off("change:figure", onFigure);
    model.off("change:values", showValues);
    resized.disconnect();
  };
}

export default { render };
