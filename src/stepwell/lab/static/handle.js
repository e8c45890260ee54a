// A point that is moved by hand: dragged, placed by a click, or moved by keys.

import { drawn, set } from "./dom.js";
import { glyph } from "./plot.js";

const REACH = matchMedia("(pointer: coarse)").matches ? 22 : 16;

export class Handle {
  // move(x, y, event) obeys or not, and calls show(x, y) with where the point stands then.
  // key(event, x, y) may answer with a new place of its own, before the arrows are asked.
  constructor(plot, { label, shape = "disc", size = 6, style = "", move, key = null, step = null, remove = null, add = null, under = false }) {
    Object.assign(this, { plot, shape, size, move, key, step, removal: remove, addition: add, x: 0, y: 0 });
    this.group = drawn("g", { class: `handle ${style}`, tabindex: "0", role: "slider", "aria-label": label }, under ? plot.under : plot.top);
    set(this.group, { "aria-valuemin": plot.axes.x.low, "aria-valuemax": plot.axes.x.high, "aria-valuenow": plot.axes.x.low });
    this.reach = drawn("circle", { class: "reach", r: REACH }, this.group);
    this.ring = drawn("circle", { class: "ring", r: size + 6 }, this.group);
    this.mark = drawn("path", { class: "mark" }, this.group);
    this.listen();
    plot.handles.push(this);
    plot.svg.setAttribute("role", "group");
    placeable(plot);
  }

  show(x, y, text) {
    [this.x, this.y] = [x, y];
    const { low, high } = this.plot.axes.x;
    set(this.group, { "aria-valuemin": low, "aria-valuemax": high, "aria-valuenow": x, "aria-valuetext": text });
    this.place();
  }

  place() {
    const [x, y] = [this.plot.X(this.x), this.plot.Y(this.y)];
    if (!Number.isFinite(x + y)) return;
    for (const circle of [this.reach, this.ring]) set(circle, { cx: x, cy: y });
    set(this.mark, { d: glyph(this.shape, x, y, this.size) });
  }

  forget() {
    this.group.remove();
    this.plot.handles = this.plot.handles.filter((other) => other !== this);
    if (this.plot.selected === this) this.plot.selected = null;
  }

  listen() {
    const { group } = this;
    let offset = null;
    group.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      const [x, y] = this.plot.at(event);
      offset = [this.x - x, this.y - y];
      group.setPointerCapture(event.pointerId);
      group.focus({ preventScroll: true });
      group.classList.add("held");
      event.preventDefault();
      event.stopPropagation();
    });
    group.addEventListener("pointermove", (event) => {
      if (!offset) return;
      const [x, y] = this.plot.at(event);
      // On logarithmic axes an offset means nothing far from where it was taken.
      const log = this.plot.axes.x.log || this.plot.axes.y.log;
      this.move(...(log ? [x, y] : [x + offset[0], y + offset[1]]), event);
    });
    // Chromium does not heed touch-action on parts of a drawing: without this the page would scroll away with the point.
    group.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    const release = () => {
      offset = null;
      group.classList.remove("held");
    };
    group.addEventListener("pointerup", release);
    group.addEventListener("pointercancel", release);
    group.addEventListener("click", (event) => event.stopPropagation());
    group.addEventListener("focus", () => {
      this.plot.selected = this;
    });
    group.addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    const deed = { Delete: this.removal, a: this.addition, A: this.addition }[event.key];
    if (deed) {
      event.preventDefault();
      deed();
      return;
    }
    const place = this.key?.(event, this.x, this.y) ?? this.arrow(event);
    if (!place) return;
    event.preventDefault();
    this.move(...place, event);
  }

  arrow(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!way) return null;
    const share = event.shiftKey ? 0.1 : 1;
    return [stepped(this.plot.axes.x, this.x, way[0] * share, this.step), stepped(this.plot.axes.y, this.y, way[1] * share, this.step)];
  }
}

function stepped({ low, high, log }, value, amount, step) {
  if (log) return value * (high / low) ** (amount / 100);
  return value + amount * (step ?? (high - low) / 100);
}

// A click beside the points moves the one that was touched last: nothing on a page needs dragging.
function placeable(plot) {
  if (plot.placeable) return;
  plot.placeable = true;
  plot.svg.addEventListener("click", (event) => {
    if (plot.selected) plot.selected.move(...plot.at(event), event);
  });
}
