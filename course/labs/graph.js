// Draws a Graph (see figure.py) as SVG text: a box per node, an arrow per edge; left to right, or, where the page is
// narrow, top to bottom. Uses `clean` of axes.js.

const BOX = { width: 88, least: 74, height: 62 };
const ROOMY = 84; // boxes narrower than this have smaller text
const GAP = 52; // between two boxes: an arrow and a number
const WIDE_STEP = 116; // seven columns fit beside an open file browser in a window of 1280 pixels
const TALL_STEP = 100;
const ROW_STEP = 84;

/** Where each node stands, in pixels, and the size of the whole. */
function layOut(graph, width) {
  const columns = 1 + Math.max(...graph.nodes.map((node) => node.column));
  const rows = 1 + Math.max(...graph.nodes.map((node) => node.row));
  const wide = width >= columns * WIDE_STEP;
  const along = wide ? Math.min(width / columns, 170) : TALL_STEP;
  const across = wide ? ROW_STEP : Math.min(width / rows, 130);
  const boxWidth = Math.min(BOX.width, wide ? Math.max(along - GAP, BOX.least) : across - 3);
  const places = graph.nodes.map((node) => {
    const [a, b] = [(node.column + 0.5) * along, (node.row + 0.5) * across];
    return wide ? { x: a, y: b } : { x: b, y: a };
  });
  const size = wide ? { width: columns * along, height: rows * across } : { width: rows * across, height: columns * along };
  return { places, size, wide, along, boxWidth };
}

/** An edge's path and the place of its text. An edge over several columns keeps its row and bends in the last one. */
function edgePath(from, to, { wide, along, boxWidth }) {
  const half = (wide ? boxWidth : BOX.height) / 2;
  const flip = ({ x, y }) => (wide ? { x, y } : { x: y, y: x });
  const [start, end] = [flip(from), flip(to)];
  const [begin, finish] = [start.x + half + 2, end.x - half - 2];
  const bend = Math.max(begin, end.x - along + half + 2);
  const half_way = (bend + finish) / 2;
  const point = (a, b) => (wide ? `${a} ${b}` : `${b} ${a}`);
  const curve = `M${point(begin, start.y)}L${point(bend, start.y)}C${point(half_way, start.y)} ${point(half_way, end.y)} ${point(finish, end.y)}`;
  const text = flip({ x: half_way, y: (start.y + end.y) / 2 });
  return { curve, text };
}

/** Squeezes a text that needs more room than there is. A character is about 0.56 of the font's size wide. */
const fit = (text, room, size) =>
  text.length * 0.56 * size > room ? ` textLength="${room}" lengthAdjust="spacingAndGlyphs"` : "";

function drawEdge(edge, layout, id) {
  const { curve, text } = edgePath(layout.places[edge.source], layout.places[edge.target], layout);
  const fitted = layout.wide ? fit(edge.text, layout.along - layout.boxWidth - 4, edge.active ? 13 : 11.5) : "";
  const arrow = edge.active ? `marker-start="url(#${id}-back)"` : `marker-end="url(#${id}-on)"`;
  return {
    line: `<path d="${curve}" class="gc-edge${edge.active ? " gc-active" : ""}" ${arrow}/>`,
    text: `<text x="${text.x}" y="${text.y - (layout.wide ? 5 : -4)}" class="gc-edge-text${edge.active ? " gc-active" : ""}"${fitted}>${clean(edge.text)}</text>`,
  };
}

function drawNode(node, { x, y }, boxWidth) {
  const [left, top] = [x - boxWidth / 2, y - BOX.height / 2];
  const [value, gradient] = [`value ${node.value}`, `grad ${node.gradient || "…"}`];
  const fitted = (text) => fit(text, boxWidth - 8, boxWidth < ROOMY ? 10.5 : 11.5); // the sizes that lab.css gives
  const look = `gc-node${node.is_input ? " gc-input" : ""}${node.active ? " gc-active" : ""}`;
  return (
    `<rect x="${left}" y="${top}" width="${boxWidth}" height="${BOX.height}" rx="${node.is_input ? 2 : 14}" class="${look}"/>` +
    `<text x="${x}" y="${top + 17}" class="gc-value"${fitted(value)}>${clean(value)}</text>` +
    `<text x="${x}" y="${y + 5}" class="gc-name">${clean(node.label)}</text>` +
    `<text x="${x}" y="${top + BOX.height - 7}" class="gc-gradient"${fitted(gradient)}>${clean(gradient)}</text>`
  );
}

/** A graph that fits this width as SVG text. */
function drawGraph(graph, width, id) {
  const layout = layOut(graph, width);
  const edges = graph.edges.map((edge) => drawEdge(edge, layout, id));
  const nodes = graph.nodes.map((node, i) => drawNode(node, layout.places[i], layout.boxWidth));
  const { width: w, height: h } = layout.size;
  const head = (name, shape, x, look) =>
    `<marker id="${id}-${name}" viewBox="0 0 10 10" refX="${x}" refY="5" markerUnits="userSpaceOnUse" markerWidth="11" markerHeight="11" orient="auto"><path d="${shape}" class="${look}"/></marker>`;
  return (
    `<svg role="img" aria-labelledby="${id}-title ${id}-desc" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" class="gc-graph${layout.boxWidth < ROOMY ? " gc-narrow" : ""}">` +
    `<title id="${id}-title">${clean(graph.title)}</title><desc id="${id}-desc">${clean(graph.alt)}</desc>` +
    `<defs>${head("on", "M0 0L10 5L0 10z", 9, "gc-head-on")}${head("back", "M10 0L0 5L10 10z", 1, "gc-head-back")}</defs>` +
    `${edges.map((edge) => edge.line).join("")}${nodes.join("")}${edges.map((edge) => edge.text).join("")}</svg>`
  );
}
