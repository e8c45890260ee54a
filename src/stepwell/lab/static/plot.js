// A frame with axes, and layers in it that keep their data: a new size or range draws them again.

import { clamp, drawn, element, figures, set, unique } from "./dom.js";
import { scale, thinned, ticks } from "./axes.js";

const MARGIN = { left: 44, right: 12, top: 8, bottom: 36 };

export class Plot {
  // x, y: {name, low, high, log}. A square plot is as high as it is wide.
  constructor(parent, { title, x, y, height = 180, square = false, style = "" }) {
    this.axes = { x: { log: false, ...x }, y: { log: false, ...y } };
    [this.title, this.square, this.height] = [title, square, height];
    [this.layers, this.series, this.handles] = [new Map(), new Map(), []];
    this.panel = element("figure", { class: `panel ${style}` }, parent);
    const caption = element("figcaption", {}, this.panel);
    element("span", { class: "panel-title" }, caption, title);
    this.legend = element("span", { class: "legend" }, caption);
    this.readout = element("span", { class: "readout", "aria-hidden": "true" }, caption);
    this.button = element("button", { type: "button", class: "quiet", "aria-expanded": "false" }, caption, "table");
    this.button.setAttribute("aria-label", `table: ${title}`);
    this.button.addEventListener("click", () => this.toggleTable());
    this.canvas = element("div", { class: "canvas" }, this.panel);
    this.svg = drawn("svg", { role: "img", "aria-label": title }, this.canvas);
    this.build();
    new ResizeObserver(() => this.resize()).observe(this.canvas);
    this.resize();
  }

  build() {
    const clip = unique("clip");
    this.frame = drawn("rect", { class: "frame" }, this.svg);
    this.grid = drawn("g", { class: "grid" }, this.svg);
    this.clip = drawn("rect", {}, drawn("clipPath", { id: clip }, drawn("defs", {}, this.svg)));
    this.under = drawn("g", {}, this.svg);
    this.inner = drawn("g", { "clip-path": `url(#${clip})` }, this.svg);
    this.names = {
      x: drawn("text", { class: "axis-name", "text-anchor": "end" }, this.svg, this.axes.x.name),
      y: drawn("text", { class: "axis-name" }, this.svg, this.axes.y.name),
    };
    this.top = drawn("g", {}, this.svg);
    this.svg.addEventListener("pointermove", (event) => this.hover(event));
    this.svg.addEventListener("pointerleave", () => this.read(""));
  }

  // --- size and axes ---

  resize() {
    const width = Math.max(160, Math.round(this.canvas.clientWidth));
    const height = this.square ? width : this.height;
    if (this.width === width && this.drawnHeight === height) return;
    [this.width, this.drawnHeight] = [width, height];
    set(this.svg, { width, height, viewBox: `0 0 ${width} ${height}` });
    this.redraw();
  }

  range(axis, low, high, log = this.axes[axis].log) {
    const now = this.axes[axis];
    if (now.low === low && now.high === high && now.log === log) return;
    Object.assign(now, { low, high, log });
    this.redraw();
  }

  redraw() {
    const { x, y } = this.axes;
    const [left, right] = [MARGIN.left, this.width - MARGIN.right];
    const [top, bottom] = [MARGIN.top, this.drawnHeight - MARGIN.bottom];
    this.X = scale(x.low, x.high, left, right, x.log);
    this.Y = scale(y.low, y.high, bottom, top, y.log);
    this.box = { left, right, top, bottom };
    const area = { x: left, y: top, width: right - left, height: bottom - top };
    set(this.frame, area);
    set(this.clip, area);
    set(this.names.x, { x: right, y: bottom + 30 });
    set(this.names.y, { x: left + 6, y: top + 13 });
    this.grid.replaceChildren();
    for (const tick of ticks(x.low, x.high, x.log, this.width < 300 ? 4 : 5)) this.tick("x", tick);
    for (const tick of ticks(y.low, y.high, y.log, this.drawnHeight < 150 ? 3 : 5)) this.tick("y", tick);
    for (const layer of this.layers.values()) set(layer.node, layer.shape());
    for (const handle of this.handles) handle.place();
  }

  tick(axis, { value, text }) {
    const { left, right, top, bottom } = this.box;
    if (axis === "x") {
      const at = this.X(value);
      drawn("line", { x1: at, x2: at, y1: top, y2: bottom }, this.grid);
      drawn("text", { x: clamp(at, left, right - 8), y: bottom + 15, "text-anchor": "middle" }, this.grid, text);
    } else {
      const at = this.Y(value);
      drawn("line", { x1: left, x2: right, y1: at, y2: at }, this.grid);
      drawn("text", { x: left - 6, y: at + 4, "text-anchor": "end" }, this.grid, text);
    }
  }

  // --- layers ---

  put(name, tag, style, shape, parent = this.inner) {
    let layer = this.layers.get(name);
    if (!layer) {
      layer = { node: drawn(tag, {}, parent) };
      this.layers.set(name, layer);
    }
    layer.shape = shape;
    set(layer.node, { class: style, ...shape() });
    return layer.node;
  }

  line(name, xs, ys, style, label = null) {
    if (label) this.add(label, xs, ys, style);
    this.put(name, "path", `line ${style}`, () => ({ d: this.trace(xs, ys) }));
  }

  // A curve with a name stands in the table, and if there are several in the legend.
  add(label, xs, ys, style) {
    const fresh = !this.series.has(label);
    this.series.set(label, { xs, ys, style });
    if (!fresh) return;
    this.legend.replaceChildren();
    const shown = [...this.series].filter(([, curve]) => curve.style);
    if (shown.length < 2 || shown.length > 5) return;
    for (const [name, curve] of shown) {
      const item = element("span", { class: "legend-item" }, this.legend);
      const swatch = drawn("svg", { width: 22, height: 10, "aria-hidden": "true" }, item);
      drawn("path", { class: `line ${curve.style}`, d: "M1 5H21" }, swatch);
      item.append(name);
    }
  }

  trace(xs, ys) {
    let [path, pen] = ["", "M"];
    for (const i of thinned(ys.length)) {
      const [x, y] = [this.X(xs[i]), this.Y(ys[i])];
      if (ys[i] === null || !Number.isFinite(x + y)) pen = "M";
      else {
        path += `${pen}${x.toFixed(1)} ${clamp(y, -1e4, 1e4).toFixed(1)}`;
        pen = "L";
      }
    }
    return path || "M0 0";
  }

  stems(name, ys, style, label = null) {
    const xs = ys.map((_, i) => i);
    if (label) this.add(label, xs, ys, style);
    this.put(name, "path", `line ${style}`, () => {
      const zero = this.Y(0).toFixed(1);
      return { d: ys.map((y, i) => `M${this.X(i).toFixed(1)} ${zero}V${clamp(this.Y(y), -1e3, 1e4).toFixed(1)}`).join("") };
    });
    this.dots(`${name}-heads`, xs.map((x, i) => [x, ys[i]]), `${style} filled`, "disc", 2.2);
  }

  dots(name, points, style, kind = "disc", size = 4, parent = this.inner) {
    this.put(name, "path", `glyph ${style}`, () => ({
      d: points.map(([x, y]) => glyph(kind, this.X(x), this.Y(y), size)).join("") || "M0 0",
    }), parent);
    this.layers.get(name).points = points;
  }

  // A line across the plot at one x or one y, with a word beside it.
  rule(name, axis, value, style, label = "", above = true, shift = 0) {
    this.put(name, "path", `line ${style}`, () => {
      const { left, right, top, bottom } = this.box;
      return { d: axis === "y" ? `M${left} ${this.Y(value)}H${right}` : `M${this.X(value)} ${top}V${bottom}` };
    });
    const place = axis === "y"
      ? () => ({ x: this.box.right - 6 - shift, y: this.Y(value) + (above ? -5 : 13), "text-anchor": "end" })
      : () => ({ x: this.X(value) + (above ? 4 : -4), y: this.box.top + 26, "text-anchor": above ? "start" : "end" });
    this.put(`${name}-label`, "text", `label ${style}`, place).textContent = label;
  }

  band(name, axis, low, high, style) {
    this.put(name, "rect", `band ${style}`, () => {
      const { left, right, top, bottom } = this.box;
      const [from, to] = axis === "x" ? [this.X(low), this.X(high)] : [this.Y(high), this.Y(low)];
      const [start, size] = [clamp(from, -1e4, 1e4), Math.max(0, clamp(to, -1e4, 1e4) - clamp(from, -1e4, 1e4))];
      return axis === "x"
        ? { x: start, y: top, width: size, height: bottom - top }
        : { x: left, y: start, width: right - left, height: size };
    });
  }

  words(name, x, y, text, style = "", anchor = "start", parent = this.top) {
    this.put(name, "text", `label ${style}`, () => ({ x: this.X(x), y: this.Y(y), "text-anchor": anchor }), parent)
      .textContent = text;
  }

  remove(...names) {
    for (const [name, layer] of this.layers) {
      if (names.some((start) => name === start || name.startsWith(`${start}-`))) {
        layer.node.remove();
        this.layers.delete(name);
      }
    }
  }

  // --- under the pointer, and in words ---

  at(event) {
    const bounds = this.svg.getBoundingClientRect();
    return [this.X.back(event.clientX - bounds.left), this.Y.back(event.clientY - bounds.top)];
  }

  hover(event) {
    const [x, y] = this.at(event);
    if (this.probe) this.read(this.probe(x, y));
    else if (this.series.size) this.read(this.nearest(x));
  }

  nearest(x) {
    const parts = [];
    let place = null;
    for (const [label, { xs, ys }] of this.series) {
      let best = 0;
      for (let i = 1; i < xs.length; i += 1) if (Math.abs(xs[i] - x) < Math.abs(xs[best] - x)) best = i;
      place ??= xs[best];
      parts.push(`${label} ${figures(ys[best])}`);
    }
    return `${this.axes.x.name} ${figures(place)}: ${parts.slice(0, 3).join(", ")}`;
  }

  read(text) {
    this.readout.textContent = text;
    this.panel.classList.toggle("reading", text !== "");
  }

  // Curves whose names change begin with a clean table and legend.
  forgetNames() {
    this.series.clear();
    this.legend.replaceChildren();
  }

  describe(sentence) {
    this.svg.setAttribute("aria-label", `${this.title}. ${sentence}`);
  }

  toggleTable() {
    const open = this.button.getAttribute("aria-expanded") !== "true";
    this.button.setAttribute("aria-expanded", String(open));
    this.table?.remove();
    if (open) this.table = this.tabulated(this.panel);
  }

  tabulated(parent) {
    const holder = element("div", { class: "table", tabindex: "0", role: "region", "aria-label": `numbers: ${this.title}` }, parent);
    const table = element("table", {}, holder);
    const { head, rows } = this.contents();
    const top = element("tr", {}, element("thead", {}, table));
    for (const name of head) element("th", { scope: "col" }, top, name);
    const body = element("tbody", {}, table);
    for (const cells of rows) {
      const row = element("tr", {}, body);
      for (const cell of cells) element("td", {}, row, typeof cell === "string" ? cell : figures(cell, 4));
    }
    return holder;
  }

  // What the table shows: all curves; without curves, all marks.
  contents() {
    const curves = [...this.series];
    if (!curves.length) {
      const marks = [...this.layers].filter(([name, { points }]) => points && name !== "trails");
      return { head: ["", this.axes.x.name, this.axes.y.name], rows: marks.flatMap(([name, { points }]) => points.map((z) => [name, ...z])) };
    }
    const xs = curves.map(([, curve]) => curve.xs).sort((a, b) => b.length - a.length)[0];
    const rows = thinned(xs.length, 60).map((i) => [xs[i], ...curves.map(([, { ys }]) => ys[i])]);
    return { head: [this.axes.x.name, ...curves.map(([name]) => name)], rows };
  }
}

// The outline of a mark around (x, y): shape doubles colour everywhere.
export function glyph(kind, x, y, size) {
  if (!Number.isFinite(x + y)) return "";
  const [a, b, s] = [x.toFixed(1), y.toFixed(1), size];
  if (kind === "cross") return `M${x - s} ${y - s}L${x + s} ${y + s}M${x - s} ${y + s}L${x + s} ${y - s}`;
  if (kind === "plus") return `M${x - s} ${b}H${x + s}M${a} ${y - s}V${y + s}`;
  if (kind === "star") {
    const tips = Array.from({ length: 10 }, (_, i) => {
      const [r, turn] = [i % 2 ? s * 0.45 : s * 1.2, (i * Math.PI) / 5 - Math.PI / 2];
      return `${(x + r * Math.cos(turn)).toFixed(1)} ${(y + r * Math.sin(turn)).toFixed(1)}`;
    });
    return `M${tips.join("L")}Z`;
  }
  if (kind === "square") return `M${x - s} ${y - s}h${2 * s}v${2 * s}h${-2 * s}Z`;
  return `M${x - s} ${b}a${s} ${s} 0 1 0 ${2 * s} 0a${s} ${s} 0 1 0 ${-2 * s} 0Z`;
}
