// Draws a Plot (see figure.py) as SVG text: axes with ticks, traces, and the entries of its legend.

const DASHES = ["", "8 4", "2 3", "9 3 2 3"];
const MARGIN = { left: 54, right: 14, top: 10, bottom: 44 };

const clean = (text) =>
  String(text).replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);
const color = (number) => `var(--gc-color-${number % 4})`;
const present = (numbers) => numbers.filter((number) => number !== null);

/** A number as a reader writes it: at most 3 significant digits, a true minus sign. */
function numeral(number) {
  const short = Number(number.toPrecision(3));
  const small = short !== 0 && (Math.abs(short) < 1e-3 || Math.abs(short) >= 1e5);
  return (small ? short.toExponential().replace("e+", "e") : String(short)).replaceAll("-", "\u2212");
}

/** Every value that a trace puts on the "x" or "y" axis, so that an axis without limits can hold them. */
function extent(trace, name) {
  if (trace.type === "heat") return [];
  if (trace.type === "text") return [trace[name]];
  if (name === "x") {
    const half = trace.type === "bars" ? trace.width / 2 : 0;
    return present(trace.x).flatMap((x) => [x - half, x + half]);
  }
  if (trace.type === "bars") return [0, ...present(trace.height)];
  if (trace.type === "band") return present([...trace.low, ...trace.high]);
  return present(trace.y);
}

/** The limits of an axis, in its own units or, when it is logarithmic, in powers of ten. */
function limits(axis, name, traces) {
  const log = axis.scale === "log";
  const forward = log ? Math.log10 : (value) => value;
  const seen = traces.flatMap((trace) => extent(trace, name)).filter((value) => !log || value > 0);
  let low = forward(axis.low ?? seen.reduce((a, b) => Math.min(a, b), Infinity));
  let high = forward(axis.high ?? seen.reduce((a, b) => Math.max(a, b), -Infinity));
  if (!Number.isFinite(low) || !Number.isFinite(high)) [low, high] = [0, 1];
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const room = 0.04 * (high - low);
  const bars = name === "y" && traces.some((trace) => trace.type === "bars");
  return [axis.low === null && !(bars && low === 0) ? low - room : low, axis.high === null ? high + room : high];
}

function linearTicks(low, high, most) {
  const rough = (high - low) / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) ticks.push(i * step);
  return ticks.map((value) => ({ at: value, text: numeral(Math.abs(value) < step * 1e-9 ? 0 : value) }));
}

function logTicks(low, high, most) {
  const step = Math.max(1, Math.ceil((high - low) / Math.max(most, 1)));
  const ticks = [];
  for (let power = Math.ceil(low - 1e-9); power <= high + 1e-9; power += 1) {
    if (power % step === 0) ticks.push({ at: power, text: `10<tspan dy="-5" font-size="9">${numeral(power)}</tspan>` });
  }
  if (ticks.length > 1) return ticks;
  const values = linearTicks(10 ** low, 10 ** high, most).filter((tick) => tick.at > 0);
  return values.map((tick) => ({ at: Math.log10(tick.at), text: tick.text }));
}

/** A scale: limits, ticks and the place in pixels of a value (null where it has none). */
function scaleOf(axis, name, traces, start, end) {
  const [low, high] = limits(axis, name, traces);
  const log = axis.scale === "log";
  const place = (value) => start + ((value - low) / (high - low)) * (end - start);
  const most = Math.abs(end - start) / (name === "x" ? 70 : 45);
  return {
    ticks: (log ? logTicks : linearTicks)(low, high, most).map((tick) => ({ ...tick, at: place(tick.at) })),
    to: (value) => (value === null || (log && value <= 0) ? null : place(log ? Math.log10(value) : value)),
    floor: place(log ? low : Math.max(low, Math.min(high, 0))),
  };
}

/** An SVG path through points; a gap where a point has no place. */
function path(xs, ys, x, y) {
  let drawing = false;
  return xs
    .map((value, i) => {
      const [px, py] = [x.to(value), y.to(ys[i])];
      if (px === null || py === null) return (drawing = false) || "";
      const step = `${drawing ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`;
      drawing = true;
      return step;
    })
    .join("");
}

function marker(shape, x, y, r, number) {
  const [px, py] = [x.toFixed(1), y.toFixed(1)];
  const look = `fill="${color(number)}" stroke="var(--gc-paper)" stroke-width="1"`;
  if (shape === "square") return `<rect x="${x - r}" y="${y - r}" width="${2 * r}" height="${2 * r}" ${look}/>`;
  if (shape === "triangle") return `<path d="M${px} ${y - 1.2 * r}l${1.1 * r} ${2 * r}h${-2.2 * r}z" ${look}/>`;
  if (shape === "cross")
    return `<path d="M${x - r} ${y - r}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}" stroke="${color(number)}" stroke-width="2.5"/>`;
  if (shape === "ring")
    return `<circle cx="${px}" cy="${py}" r="${1.9 * r}" fill="none" stroke="${color(number)}" stroke-width="2.5"/>`;
  return `<circle cx="${px}" cy="${py}" r="${r}" ${look}/>`;
}

/** How strongly each cell lies above (sign 1) or below (sign -1) the middle, as a small white picture. */
function heatPicture(trace, sign) {
  const [rows, columns] = [trace.z.length, trace.z[0].length];
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [columns, rows];
  const pen = canvas.getContext("2d");
  const pixels = pen.createImageData(columns, rows);
  const middle = trace.middle ?? trace.low;
  const whole = sign > 0 ? trace.high - middle : middle - trace.low;
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const share = (sign * (trace.z[rows - 1 - row][column] - middle)) / whole;
      pixels.data.set([255, 255, 255, 255 * Math.min(1, Math.max(0, share))], 4 * (row * columns + column));
    }
  }
  pen.putImageData(pixels, 0, 0);
  return canvas.toDataURL();
}

/** A shaded area: a rectangle in the theme's colour behind a mask, so that a new theme needs no new picture. */
function drawHeat(trace, box, id) {
  const place = `x="${box.left}" y="${box.top}" width="${box.width}" height="${box.height}"`;
  return [1, -1]
    .filter((sign) => sign > 0 || trace.middle !== null)
    .map((sign, i) => {
      const picture = `<image href="${heatPicture(trace, sign)}" ${place} preserveAspectRatio="none"/>`;
      const shade = `<rect ${place} fill="${color(i)}" fill-opacity="0.5" mask="url(#${id}-heat-${i})"/>`;
      return `<mask id="${id}-heat-${i}" maskUnits="userSpaceOnUse" ${place}>${picture}</mask>${shade}`;
    })
    .join("");
}

function drawTrace(trace, x, y, box, id) {
  const tint = color(trace.color ?? 0);
  if (trace.type === "heat") return drawHeat(trace, box, id);
  if (trace.type === "text")
    return `<text x="${x.to(trace.x)}" y="${y.to(trace.y)}" class="gc-word">${clean(trace.text)}</text>`;
  if (trace.type === "line")
    return `<path d="${path(trace.x, trace.y, x, y)}" fill="none" stroke="${tint}" stroke-width="2.2" stroke-dasharray="${DASHES[trace.color % 4]}"/>`;
  if (trace.type === "band") {
    const there = path(trace.x, trace.high, x, y);
    const back = path([...trace.x].reverse(), [...trace.low].reverse(), x, y).replace("M", "L");
    return `<path d="${there}${back}Z" fill="${tint}" fill-opacity="0.22"/>`;
  }
  if (trace.type === "bars")
    return trace.x
      .map((at, i) => {
        const top = y.to(trace.height[i]);
        if (top === null) return "";
        const [left, right] = [x.to(at - trace.width / 2), x.to(at + trace.width / 2)];
        const [from, to] = [Math.min(top, y.floor), Math.max(top, y.floor)];
        return `<rect x="${left}" y="${from}" width="${right - left}" height="${to - from}" fill="${tint}"/>`;
      })
      .join("");
  const r = trace.x.length <= 20 ? 7 : trace.x.length <= 200 ? 4 : 2.5;
  return trace.x
    .map((at, i) => [x.to(at), y.to(trace.y[i])])
    .filter(([px, py]) => px !== null && py !== null)
    .map(([px, py]) => marker(trace.marker, px, py, r, trace.color))
    .join("");
}

function drawFrame(plot, x, y, box) {
  const [bottom, right] = [box.top + box.height, box.left + box.width];
  const upright = x.ticks.map(
    ({ at, text }) =>
      `<path d="M${at} ${box.top}V${bottom}" class="gc-grid"/><text x="${at}" y="${bottom + 17}" text-anchor="middle">${text}</text>`,
  );
  const level = y.ticks.map(
    ({ at, text }) =>
      `<path d="M${box.left} ${at}H${right}" class="gc-grid"/><text x="${box.left - 7}" y="${at + 4}" text-anchor="end">${text}</text>`,
  );
  const middle = box.top + box.height / 2;
  return (
    `${upright.join("")}${level.join("")}<path d="M${box.left} ${box.top}V${bottom}H${right}" class="gc-axis"/>` +
    `<text x="${box.left + box.width / 2}" y="${bottom + 36}" text-anchor="middle">${clean(plot.x.label)}</text>` +
    `<text transform="translate(13 ${middle}) rotate(-90)" text-anchor="middle">${clean(plot.y.label)}</text>`
  );
}

/** A plot of this width as SVG text. */
function drawAxes(plot, width, id) {
  const inner = Math.max(60, width - MARGIN.left - MARGIN.right);
  const side = Math.min(inner, 340);
  const box = {
    left: MARGIN.left,
    top: MARGIN.top,
    width: plot.square ? side : inner,
    height: plot.square ? side : Math.min(300, Math.max(170, 0.6 * inner)),
  };
  const x = scaleOf(plot.x, "x", plot.traces, box.left, box.left + box.width);
  const y = scaleOf(plot.y, "y", plot.traces, box.top + box.height, box.top);
  const traces = plot.traces.map((trace) => drawTrace(trace, x, y, box, id)).join("");
  const whole = { width: MARGIN.left + box.width + MARGIN.right, height: MARGIN.top + box.height + MARGIN.bottom };
  return (
    `<svg role="img" aria-labelledby="${id}-title ${id}-desc" width="${whole.width}" height="${whole.height}" ` +
    `viewBox="0 0 ${whole.width} ${whole.height}">` +
    `<title id="${id}-title">${clean(plot.title)}</title><desc id="${id}-desc">${clean(plot.alt)}</desc>` +
    `<clipPath id="${id}-clip"><rect x="${box.left}" y="${box.top}" width="${box.width}" height="${box.height}"/></clipPath>` +
    `${drawFrame(plot, x, y, box)}<g clip-path="url(#${id}-clip)">${traces}</g></svg>`
  );
}

/** The legend: each named trace with the marker, dash or shade that it is drawn with. */
function drawLegend(plot) {
  const entries = plot.traces
    .filter((trace) => trace.name)
    .map((trace) => {
      const tint = color(trace.color ?? 0);
      let sign = `<rect x="4" y="2" width="16" height="10" fill="${tint}" fill-opacity="${trace.type === "bars" ? 1 : 0.35}"/>`;
      if (trace.type === "line")
        sign = `<path d="M0 7H24" stroke="${tint}" stroke-width="2.2" stroke-dasharray="${DASHES[trace.color % 4]}"/>`;
      if (trace.type === "points") sign = marker(trace.marker, 12, 7, trace.marker === "ring" ? 3.2 : 5, trace.color);
      return `<li><svg width="24" height="14" aria-hidden="true">${sign}</svg> ${clean(trace.name)}</li>`;
    });
  return entries.length ? `<ul class="gc-legend">${entries.join("")}</ul>` : "";
}
