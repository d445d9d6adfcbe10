// Questions drawn with the browser's own controls. Answers go to Python as {id, answer}; replies come back in the
// trait `replies`. Nothing here knows what is right.

const WAITING_MS = 6000;
const WAITING = "No reply yet. The kernel is busy or not running: wait for the running cell, or run this cell again.";

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "html") element.innerHTML = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// A radio group or a set of checkboxes: value() is the chosen letters.
function choices(question, name, type) {
  const inputs = [];
  const rows = question.options.map(({ key, html }) => {
    const input = make("input", { type, name, value: key });
    inputs.push(input);
    return make("label", { class: "gc-option" }, input, make("span", {}, `${key}. `, make("span", { html })));
  });
  return {
    element: make("div", { class: "gc-options" }, ...rows),
    value: () => inputs.filter((input) => input.checked).map((input) => input.value),
    restore: (answer) => inputs.forEach((input) => (input.checked = String(answer).includes(input.value))),
    lock: () => inputs.forEach((input) => (input.disabled = true)),
  };
}

function number(question, name) {
  const hint = make("span", { id: `${name}-hint` }, question.note);
  const input = make("input", {
    type: "text", inputmode: "decimal", autocomplete: "off", class: "gc-number", "aria-describedby": hint.id,
  });
  return {
    element: make("div", { class: "gc-options" }, make("label", {}, "Your answer: ", input), " ", hint),
    value: () => input.value,
    restore: (answer) => (input.value = String(answer)),
    lock: () => (input.disabled = true),
  };
}

// Items with buttons to move them up and down: value() is the letters from top to bottom.
function ordering(question, name, announce) {
  const list = make("ol", { class: "gc-order" });
  const move = (row, step, button) => {
    const rows = [...list.children];
    const place = rows.indexOf(row) + step;
    if (place < 0 || place >= rows.length) return announce("It is at the end already.");
    if (step < 0) rows[place].before(row);
    else rows[place].after(row);
    button.focus();
    announce(`${row.dataset.key} is now number ${place + 1} of ${rows.length}.`);
  };
  for (const { key, html } of question.options) {
    const id = `${name}-${key}`;
    const label = make("span", { id, class: "gc-item" }, `${key}. `, make("span", { html }));
    const row = make("li", { "data-key": key });
    for (const [step, sign, word] of [[-1, "↑", "Move up"], [1, "↓", "Move down"]]) {
      const button = make("button", {
        type: "button", id: `${id}${step}`, class: "gc-move", "aria-label": word, title: word,
        "aria-labelledby": `${id}${step} ${id}`,
      }, sign);
      button.addEventListener("click", () => move(row, step, button));
      row.append(button, " ");
    }
    row.append(label);
    list.append(row);
  }
  return {
    element: list,
    value: () => [...list.children].map((row) => row.dataset.key),
    restore: (answer) => {
      for (const key of String(answer)) list.append([...list.children].find((row) => row.dataset.key === key));
    },
    lock: () => list.querySelectorAll("button").forEach((button) => (button.disabled = true)),
  };
}

function questionForm(question, name, send) {
  const title = make("legend", { id: `${name}-title` }, question.title);
  const body = make("div", { id: `${name}-text`, class: "gc-text", html: question.html });
  const status = make("div", { role: "status", "aria-live": "polite", class: "gc-feedback" });
  const announce = (message) => {
    delete status.dataset.status;
    status.textContent = message;
  };
  const labelledBy = `${title.id} ${body.id}`;
  const controls =
    question.kind === "numeric" ? number(question, name)
    : question.kind === "ordering" ? ordering(question, name, announce)
    : choices(question, name, question.kind === "single" ? "radio" : "checkbox");
  const button = make("button", { type: "submit", class: "gc-submit", "aria-describedby": title.id }, question.button);
  const group = make("fieldset", { "aria-labelledby": labelledBy }, title, body, controls.element, button);
  if (question.kind === "single") group.setAttribute("role", "radiogroup");
  const form = make("form", { class: "gc-question", novalidate: "" }, group, status);

  // Notebook front ends hold back the browser's own submission by Enter.
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
    event.preventDefault();
    form.requestSubmit();
  });

  let waiting;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (button.disabled) return;
    announce("Checking the answer.");
    clearTimeout(waiting);
    waiting = setTimeout(() => announce(WAITING), WAITING_MS);
    send(controls.value());
  });

  let shown = 0;
  const show = (reply, restoring) => {
    if (!reply || reply.count === shown) return;
    shown = reply.count;
    clearTimeout(waiting);
    if (reply.answer !== null && (restoring || reply.locked)) controls.restore(reply.answer);
    status.dataset.status = reply.status;
    status.innerHTML = reply.html;
    if (reply.locked) {
      controls.lock();
      button.disabled = true;
    }
  };
  return { form, show, stop: () => clearTimeout(waiting) };
}

function render({ model, el }) {
  // Two views of one quiz in a page must not share IDs.
  const view = `gc-${Math.random().toString(36).slice(2)}`;
  const root = make("section", { class: "gc-quiz", "aria-label": model.get("label") });
  const forms = new Map();
  for (const question of model.get("questions")) {
    const send = (answer) => model.send({ id: question.id, answer });
    const parts = questionForm(question, `${view}-${question.id}`, send);
    forms.set(question.id, parts);
    root.append(parts.form);
  }
  // Else JupyterLab's command mode takes the arrow keys, Enter and letters away. It asks the focused element only.
  for (const control of root.querySelectorAll("input, button")) control.dataset.lmSuppressShortcuts = "true";
  const score = make("p", { class: "gc-score" });
  if (forms.size > 1) root.append(score);
  const update = (restoring) => {
    const replies = model.get("replies");
    for (const [id, { show }] of forms) show(replies[id], restoring);
    const right = Object.values(replies).filter((reply) => reply.status === "right").length;
    score.textContent = `${right} of ${forms.size} questions right.`;
  };
  const changed = () => update(false);
  update(true);
  model.on("change:replies", changed);
  el.append(root);
  return () => {
    model.off("change:replies", changed);
    forms.forEach(({ stop }) => stop());
  };
}

export default { render };
