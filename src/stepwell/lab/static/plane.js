// The complex plane: unit circle, poles and zeros, and sets of points that are moved with their mirrors.

import { clamp, complexFigures, figures } from "./dom.js";
import { Handle } from "./handle.js";
import { Plot } from "./plot.js";

const SNAP = 0.02;

export function plane(parent, title, reach = 1.5) {
  const axis = { low: -reach, high: reach };
  const plot = new Plot(parent, { title, square: true, x: { name: "Re", ...axis }, y: { name: "Im", ...axis } });
  plot.put("circle", "ellipse", "unit-circle", () => ({
    cx: plot.X(0), cy: plot.Y(0), rx: plot.X(1) - plot.X(0), ry: plot.Y(0) - plot.Y(1),
  }));
  plot.put("cross", "path", "line axis", () => ({
    d: `M${plot.box.left} ${plot.Y(0)}H${plot.box.right}M${plot.X(0)} ${plot.box.top}V${plot.box.bottom}`,
  }));
  plot.probe = (x, y) => `${complexFigures([x, y])}, modulus ${figures(Math.hypot(x, y))}`;
  return plot;
}

// Points outside the frame: an arrow at the edge that points at each, with its value.
export function offFrame(plot, points, style) {
  const { low, high } = plot.axes.x;
  const reach = high - (high - low) * 0.04;
  const far = points.filter(([re, im]) => Math.max(Math.abs(re), Math.abs(im)) > high && im >= 0).slice(0, 4);
  plot.put(`${style}-far`, "path", `line ${style}`, () => ({ d: far.map((z) => arrow(plot, z, reach)).join("") || "M0 0" }));
  for (let i = 0; i < 4; i += 1) {
    const z = far[i];
    if (!z) plot.remove(`${style}-value${i}`);
    else {
      const [x, y] = edge(z, reach * 0.86);
      plot.words(`${style}-value${i}`, x, y + 0.05, complexFigures(z, 2), style, "middle");
    }
  }
}

function edge([re, im], reach) {
  const shrink = reach / Math.max(Math.abs(re), Math.abs(im));
  return [re * shrink, im * shrink];
}

function arrow(plot, z, reach) {
  const [[x, y], [u, v]] = [edge(z, reach), edge(z, reach * 0.92)];
  const [a, b, c, d] = [plot.X(x), plot.Y(y), plot.X(u), plot.Y(v)];
  const [side, up] = [(b - d) * 0.6, (c - a) * 0.6];
  return `M${c + side} ${d + up}L${a} ${b}L${c - side} ${d - up}`;
}

export function withMirrors(points) {
  return points.flatMap(([re, im]) => (im === 0 ? [[re, 0]] : [[re, im], [re, -im]]));
}

// A set of points under the hand. `room(points)` says whether so many are allowed; `changed(points)` takes the new ones.
export class PointSet {
  constructor(plot, { label, shape, style, reach, room, changed, add = null, under = false }) {
    Object.assign(this, { plot, label, shape, style, reach, room, changed, add, under, points: [], handles: [] });
  }

  show(points) {
    this.points = points;
    while (this.handles.length > points.length) this.handles.pop().forget();
    while (this.handles.length < points.length) this.handles.push(this.handle(this.handles.length));
    points.forEach((z, i) => this.handles[i].show(z[0], z[1], `${this.label} ${words(z)}`));
    const mirrors = points.filter(([, im]) => im !== 0).map(([re, im]) => [re, -im]);
    this.plot.dots(`${this.label}-mirrors`, mirrors, `${this.style} mirror`, this.shape, 6);
  }

  handle(i) {
    return new Handle(this.plot, {
      label: `${this.label} ${i + 1}`,
      shape: this.shape,
      style: this.style,
      step: 0.02,
      move: (x, y, event) => this.move(i, [x, y], event),
      key: polarKey,
      remove: () => this.removeAt(i),
      add: this.add,
      under: this.under,
    });
  }

  move(i, z, event = {}) {
    const old = this.points[i];
    let next = constrained(z, old, event);
    const size = Math.hypot(...next);
    if (size > this.reach) next = next.map((part) => (part * this.reach) / size);
    if (Math.abs(next[1]) < (event.type === "keydown" ? 1e-9 : SNAP)) next = [next[0], 0];
    // Leaving the axis a point becomes a pair, if there is room for one.
    const moved = this.points.map((point, j) => (j === i ? next : point));
    if (old[1] === 0 && next[1] !== 0 && !this.room(moved)) next = [next[0], 0];
    this.changed(this.points.map((point, j) => (j === i ? next.map((part) => Number(part.toFixed(6))) : point)));
  }

  removeAt(i) {
    const left = this.points.filter((_, j) => j !== i);
    if (this.room(left)) this.changed(left);
  }
}

function words(z) {
  return `${complexFigures(z)}, modulus ${figures(Math.hypot(...z))}`;
}

// Shift keeps the angle, Alt keeps the modulus.
function constrained([x, y], old, event) {
  const size = Math.hypot(...old);
  if (event.type === "keydown" || size === 0) return [x, y];
  if (event.shiftKey) {
    const along = Math.max(0, (x * old[0] + y * old[1]) / size);
    return [(old[0] / size) * along, (old[1] / size) * along];
  }
  if (event.altKey) {
    const far = Math.hypot(x, y) || 1;
    return [(x / far) * size, (y / far) * size];
  }
  return [x, y];
}

function polarKey(event, x, y) {
  const size = Math.hypot(x, y);
  if (event.key === "Home") return [x, 0];
  if (event.key !== "PageUp" && event.key !== "PageDown") return null;
  const next = clamp(size + (event.key === "PageUp" ? 0.05 : -0.05), 0.001, 20);
  return size ? [(x / size) * next, (y / size) * next] : [next, 0];
}
