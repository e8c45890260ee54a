// Page 4: training. Poles and zeros part while the loss goes down its stairs.

import { PointRows } from "./controls.js";
import { clamp, element, figures, reducedMotion } from "./dom.js";
import { PointSet, offFrame, plane } from "./plane.js";
import { Plot } from "./plot.js";

export const FLOOR = 1e-6;
const TRAIL = 900;
const PAST = 5;
const STRIPS = { activity: "activity of each mode", gaps: "distance of each pole to its zero", norms: "norms of b, c, W" };

export class TrainingView {
  constructor(stage) {
    this.stage = stage;
    const { left, right } = stage.columns();
    this.plane = plane(left, "Poles × and zeros ○ of the network");
    this.target = targetEditor(stage, this.plane, left);
    this.loss = lossPlot(right, 230);
    this.impulse = new Plot(right, {
      title: "Impulse response: network over target", height: 150,
      x: { name: "lag s", low: 0, high: 39 }, y: { name: "g", low: -1, high: 1.6 },
    });
    this.strip = new Plot(right, {
      title: "Inside", height: 140, style: "switched",
      x: { name: "update", low: 1, high: 1e4, log: true }, y: { name: "", low: 1e-5, high: 3, log: true },
    });
    this.stripChoice();
    this.events = element("ol", { class: "events", "aria-label": "what happened" }, right);
    this.past = [];
    this.clear();
  }

  stripChoice() {
    const title = this.strip.panel.querySelector(".panel-title");
    title.textContent = "";
    this.strips = element("select", { "aria-label": "what the strip shows" }, title);
    for (const [value, words] of Object.entries(STRIPS)) element("option", { value }, this.strips, words);
    this.strips.addEventListener("change", () => {
      this.showStrip(this.strips.value);
      this.drawStrip();
    });
    this.showStrip("activity");
  }

  showStrip(name) {
    this.shownStrip = name;
    this.strips.value = name;
  }

  clear() {
    Object.assign(this, { history: [], trails: [], stretch: 1, seen: 0 });
    this.curve = { xs: [], ys: [], top: FLOOR };
    this.events.replaceChildren();
    this.loss.remove("event", "level");
    this.stage.forget();
  }

  draw(settings = this.stage.settings) {
    this.target.show(settings);
    if (settings.lines) this.showLevels();
    else this.loss.remove("level");
  }

  scene({ impulse }) {
    if (this.curve.xs.length > 20) this.past = [...this.past, this.curve].slice(-PAST);
    this.clear();
    this.goal = impulse;
    const lags = impulse.map((_, s) => s);
    const size = Math.max(...impulse.map(Math.abs)) * 1.15;
    this.impulse.range("x", 0, impulse.length - 1);
    this.impulse.range("y", Math.min(0, ...impulse) * 1.3 - 0.05 * size, size);
    this.impulse.line("target", lags, impulse, "target", "target");
    for (let i = 0; i < PAST; i += 1) {
      const { xs, ys } = this.past[i] ?? { xs: [], ys: [] };
      this.loss.line(`past${i}`, xs, ys, "past");
    }
  }

  frame(frame) {
    this.remember(frame);
    const reach = 10 ** Math.ceil(Math.log10(Math.max(frame.update, 9999)));
    for (const plot of [this.loss, this.strip]) plot.range("x", 1, reach);
    this.loss.range("y", FLOOR / 2, roundDecade(this.curve.top));
    this.loss.line("loss", this.curve.xs, this.curve.ys, "pole", "loss");
    if (!frame.poles) return;
    this.drawPlane(frame);
    this.impulse.line("student", frame.impulse.map((_, s) => s), frame.impulse, "pole", "network");
    if (!frame.activity && this.shownStrip !== "norms" && this.stage.transport?.kind === "browser") this.showStrip("norms");
    this.drawStrip();
    if (frame.bound) this.stage.controls.mark("learning_rate", frame.bound, `bound ${figures(frame.bound)}`);
  }

  remember({ update, loss, poles, zeros, activity, gaps, norms }) {
    if (loss.at(-1) === null) return;
    // The last two losses: a run that jumps to and fro shows both of its levels.
    loss.forEach((value, i) => this.append(Math.max(1, update + 1 - loss.length + i), Math.max(value, FLOOR)));
    this.history.push({ update, loss: loss.at(-1), poles, zeros, activity, gaps, norms });
  }

  append(update, value) {
    const { xs, ys } = this.curve;
    if (xs.length && update <= xs.at(-1)) return;
    xs.push(update);
    ys.push(value);
    this.curve.top = Math.max(this.curve.top, value);
  }

  drawPlane({ poles, zeros }) {
    if (!reducedMotion()) {
      this.seen += 1;
      if (this.seen % this.stretch === 0) this.trails.push(...poles.filter(([, im]) => im >= 0));
      if (this.trails.length > TRAIL) {
        this.trails = this.trails.filter((_, i) => i % 2);
        this.stretch *= 2;
      }
    }
    this.plane.dots("trails", this.trails, "trail", "disc", 1.1);
    this.plane.dots("poles", poles, "pole", "cross", 6);
    this.plane.dots("zeros", zeros, "zero", "ring", 6);
    offFrame(this.plane, zeros, "zero");
  }

  drawStrip() {
    const name = this.shownStrip;
    const rows = this.history.filter((row) => row.update > 0 && row[name]);
    const width = rows.at(-1)?.[name].length ?? 0;
    if (this.strip.named !== `${name}${width}`) this.strip.forgetNames();
    this.strip.named = `${name}${width}`;
    for (let k = 0; k < 6; k += 1) {
      const label = name === "norms" ? ["|b|", "|c|", "|W|"][k] : `${name === "gaps" ? "pole" : "mode"} ${k + 1}`;
      const ys = rows.map((row) => row[name][k] ?? null);
      this.strip.line(`row${k}`, k < width ? rows.map((row) => row.update) : [], k < width ? ys : [], `mode${k + 1}`, k < width ? label : null);
    }
  }

  slow(name, value) {
    if (name !== "levels") return;
    this.levels = value;
    this.draw();
  }

  showLevels() {
    drawLevels(this.loss, this.levels ?? []);
  }

  event({ update, name, text }) {
    const count = this.events.children.length;
    if (count < 40) element("li", {}, this.events, `update ${update}: ${text}`);
    this.events.scrollTop = this.events.scrollHeight;
    if (name.startsWith("separates") || name === "fast") this.loss.rule(`event-${update}`, "x", Math.max(1, update), "event", name === "fast" ? "too fast" : name.slice(9), count % 2 === 0);
    if (name.startsWith("separates")) this.stage.achieve(0);
    if (name === "flip") this.stage.achieve(2);
    this.stage.say(`At update ${update} ${text}.`);
  }

  done(why) {
    if (why === "solved") this.stage.achieve(1);
  }

  sentences() {
    const last = this.history.at(-1);
    if (!last) return;
    this.loss.describe(`The loss is ${figures(last.loss)} at update ${last.update}.`);
    this.plane.describe(`Poles at ${(last.poles ?? []).map((z) => z.map((x) => figures(x)).join(", ")).join("; ")}.`);
    this.impulse.describe("The network's response over the target's.");
    this.strip.describe(STRIPS[this.shownStrip]);
  }
}

export function lossPlot(parent, height) {
  const plot = new Plot(parent, {
    title: "Loss", height,
    x: { name: "update", low: 1, high: 1e4, log: true }, y: { name: "loss", low: FLOOR / 2, high: 10, log: true },
  });
  plot.rule("floor", "y", FLOOR, "guide", "10⁻⁶ and below", true);
  return plot;
}

export const roundDecade = (value) => 10 ** clamp(Math.ceil(Math.log10(value * 1.05)), -4, 8);

// Losses of the best models with fewer poles, dashed; of the other local minima, dotted.
export function drawLevels(plot, levels) {
  for (const { k, loss } of levels) {
    loss.slice(0, 3).forEach((value, i) => {
      const words = i ? "" : k === 0 ? "nothing learned" : `best ${k}-pole model`;
      plot.rule(`level-${k}-${i}`, "y", Math.max(value, FLOOR), i ? "dotted level" : "dashed level", words, true, 118 * k);
    });
  }
}

// The target's poles under the hand, and rows of fields for poles and residues.
export function targetEditor(stage, plot, parent, drags = true) {
  const { poles: points, residues: numbers } = stage.page.settings;
  const change = (poles, residues = stage.settings.residues) => stage.set({ poles, residues });
  const room = (poles) => poles.length >= 1 && poles.reduce((sum, [, im]) => sum + (im === 0 ? 1 : 2), 0) <= 6;
  const add = () => {
    const { poles, residues } = stage.settings;
    if (room([...poles, [0.1, 0]])) change([...poles, [0.6 - 0.25 * poles.length, 0]], [...residues, 0.5]);
  };
  const remove = (i) => {
    const { poles, residues } = stage.settings;
    if (poles.length > 1) change(poles.filter((_, j) => j !== i), residues.filter((_, j) => j !== i));
  };
  const set = drags && new PointSet(plot, { label: "target pole", shape: "cross", style: "target-handle", reach: points.reach, room, add, changed: change, under: true });
  if (set) set.removeAt = remove;
  const box = element("details", { class: "more" }, parent);
  element("summary", {}, box, "target: poles and residues");
  const rows = new PointRows(box, { label: "target pole", points, numbers, changed: change, add, remove });
  return {
    show({ poles, residues }) {
      if (set) set.show(poles);
      rows.show(poles, residues);
    },
  };
}
