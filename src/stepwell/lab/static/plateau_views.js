// Pages 5 and 6: what a plateau has learned, and how long it lasts.

import { clamp, complexFigures, element, figures } from "./dom.js";
import { heat } from "./field.js";
import { profiledLoss } from "./maths.js";
import { Plot } from "./plot.js";
import { FLOOR, drawLevels, lossPlot, roundDecade, targetEditor } from "./training_views.js";

export class PlateausView {
  constructor(stage) {
    this.stage = stage;
    const { left, right } = stage.columns();
    const axis = { low: -0.99, high: 0.99 };
    this.map = new Plot(left, { title: "Least loss with two given poles", square: true, x: { name: "p₁", ...axis }, y: { name: "p₂", ...axis } });
    this.target = targetEditor(stage, this.map, left, false);
    this.loss = lossPlot(right, 230);
    this.scrubber = element("input", { type: "range", min: 0, max: 0, class: "scrubber", "aria-label": "moment of the run" }, this.loss.panel);
    this.scrubber.addEventListener("input", () => this.look(Number(this.scrubber.value)));
    this.valley = new Plot(right, { title: "Least loss with one given pole", height: 150, x: { name: "p", ...axis }, y: { name: "loss", low: 0, high: 1.6 } });
    this.impulse = new Plot(right, { title: "Impulse response at this moment", height: 150, x: { name: "lag s", low: 0, high: 39 }, y: { name: "g", low: -1, high: 1.6 } });
    this.words = element("p", { class: "words" }, right);
    this.rows = element("div", { class: "table", tabindex: "0", role: "region", "aria-label": "plateaus: predicted and measured" }, right);
    Object.assign(this, { history: [], levels: [], stairs: null });
  }

  draw({ poles, residues } = this.stage.settings) {
    this.target.show(this.stage.settings);
    const all = poles.flatMap(([re, im], i) => (im === 0 ? [[[re, 0], residues[i]]] : [[[re, im], residues[i]], [[re, -im], residues[i]]]));
    const ps = Array.from({ length: 199 }, (_, i) => -0.99 + i / 100);
    const values = ps.map((p) => profiledLoss(p, all.map(([z]) => z), all.map(([, r]) => [r, 0])));
    this.valley.range("y", 0, Math.max(...values) * 1.08);
    this.valley.line("valley", ps, values, "ink", "loss");
    this.valley.describe(`lowest at p = ${figures(ps[values.indexOf(Math.min(...values))])}`);
  }

  scene({ impulse }) {
    Object.assign(this, { history: [], levels: [], stairs: null, goal: impulse });
    this.stage.forget();
    this.rows.replaceChildren();
    for (const plot of [this.loss, this.map, this.valley, this.impulse]) plot.remove("level", "reached", "active", "best", "student", "minima", "now");
    const size = Math.max(...impulse.map(Math.abs)) * 1.15;
    this.impulse.range("x", 0, impulse.length - 1);
    this.impulse.range("y", Math.min(0, ...impulse) * 1.3 - 0.05 * size, size);
    this.impulse.line("target", impulse.map((_, s) => s), impulse, "target", "target");
  }

  slow(name, value) {
    if (name === "levels") {
      this.levels = value;
      drawLevels(this.loss, value);
      const pairs = value.find(({ k }) => k === 2)?.poles.filter(([, im]) => im === 0) ?? [];
      if (pairs.length === 2) this.map.dots("minima", [[pairs[0][0], pairs[1][0]], [pairs[1][0], pairs[0][0]]], "on-map", "plus", 7);
    } else if (name === "staircase") {
      this.stairs = value;
      this.tabulate();
    } else if (name === "map") {
      const flat = value.flat().filter(Number.isFinite);
      heat(this.map, "map", value, { low: Math.min(...flat), high: Math.max(...flat) * 0.4, bend: 0.3 });
    }
  }

  frame(frame) {
    if (frame.loss.at(-1) === null) return;
    const follows = Number(this.scrubber.value) >= this.history.length - 1;
    this.history.push({ ...frame, update: Math.max(1, frame.update), loss: Math.max(FLOOR, frame.loss.at(-1)) });
    const [xs, ys] = [this.history.map(({ update }) => update), this.history.map(({ loss }) => loss)];
    this.loss.range("x", 1, 10 ** Math.ceil(Math.log10(Math.max(frame.update, 9999))));
    this.loss.range("y", FLOOR / 2, roundDecade(Math.max(...ys)));
    this.loss.line("loss", xs, ys, "pole", "loss");
    this.scrubber.max = this.history.length - 1;
    if (follows) this.look(this.history.length - 1);
    if (this.history.length % 30 === 0) this.tabulate();
  }

  // One moment of the run: its response, its active poles, and the best model with as many.
  look(i) {
    const moment = this.history[i];
    if (!moment?.poles) return;
    this.scrubber.value = i;
    this.loss.dots("now", [[moment.update, moment.loss]], "pole filled", "disc", 4.5);
    const best = this.levels.find(({ k }) => k === moment.active);
    const lags = moment.impulse.map((_, s) => s);
    if (this.named !== moment.active) this.impulse.series.delete(`best ${this.named}-pole model`);
    this.named = moment.active;
    this.impulse.line("best", lags, best?.impulse ?? [], "dashed ink", best ? `best ${moment.active}-pole model` : null);
    this.impulse.line("student", lags, moment.impulse, "pole", "network");
    const active = loudest(moment);
    this.valley.dots("active", active.length ? [[active[0][0], this.height(active[0][0])]] : [], "pole filled", "disc", 5);
    const pair = moment.active > 2 ? [] : [...active, ...moment.poles.filter((z) => !active.includes(z))].slice(0, 2).filter(([, im]) => im === 0);
    this.map.dots("active", pair.length === 2 ? [pair.map(([re]) => re), pair.map(([re]) => re).reverse()] : [], "ball filled", "disc", 6);
    const list = (points) => points.map((z) => complexFigures(z)).join(", ") || "none";
    this.words.textContent = `Update ${moment.update}: active poles ${list(active)}${best ? `; those of the best ${moment.active}-pole model ${list(best.poles)}, residues ${list(best.residues)}` : ""}.`;
    if (best && moment.active > 0 && Math.abs(Math.log(moment.loss / best.loss[0])) < 0.05) this.stage.achieve(0);
  }

  height(p) {
    const { xs, ys } = this.valley.series.get("loss");
    return ys[clamp(Math.round((p + 0.99) * 100), 0, xs.length - 1)];
  }

  // Predicted rates and times beside the measured ones; the end of plateau k is where the loss passes √(L_k L_k+1).
  tabulate() {
    const { levels = [], rates = [], dwell = [], notes = [] } = this.stairs ?? {};
    const ends = levels.map((level, k) => this.passes(Math.sqrt(level * (levels[k + 1] ?? FLOOR))));
    this.rows.replaceChildren();
    const table = element("table", {}, this.rows);
    const head = element("tr", {}, element("thead", {}, table));
    for (const name of ["plateau", "level", "rate s", "updates, predicted", "updates, measured"]) element("th", { scope: "col" }, head, name);
    const body = element("tbody", {}, table);
    levels.forEach((level, k) => {
      const row = element("tr", {}, body);
      const measured = ends[k] === null ? null : ends[k] - (ends[k - 1] ?? 0);
      for (const cell of [String(k), figures(level, 4), figures(rates[k], 4), figures(dwell[k], 3), figures(measured, 3)]) element("td", {}, row, cell);
      if (level !== null) this.loss.dots(`reached-${k}`, [[1.15, Math.max(level, FLOOR)]], "ink", "square", 3);
    });
    if (notes.length) element("p", { class: "note" }, this.rows, notes.join(" "));
  }

  passes(level) {
    const at = this.history.findIndex(({ loss }) => loss <= level);
    return at < 0 ? null : this.history[at].update;
  }

  done() {
    this.tabulate();
  }

  sentences() {
    const last = this.history.at(-1);
    if (last) this.loss.describe(`The loss is ${figures(last.loss)} at update ${last.update}; ${last.active} modes are active.`);
    this.map.describe("The poles of the network move into a valley.");
    this.impulse.describe("The network's response beside that of the best model.");
  }
}

// The poles that carry most, as many as are active.
function loudest({ poles, sizes, active }) {
  const order = poles.map((_, k) => k).sort((i, j) => (sizes[j] ?? Infinity) - (sizes[i] ?? Infinity));
  return order.slice(0, active).map((k) => poles[k]);
}

export class DwellView {
  constructor(stage) {
    this.stage = stage;
    const { left, right } = stage.columns();
    this.runs = new Plot(left, { title: "Six runs, from large to small σ₀", height: 300, x: { name: "update", low: 1, high: 1e4, log: true }, y: { name: "loss", low: FLOOR / 2, high: 10, log: true } });
    this.target = targetEditor(stage, this.runs, left, false);
    this.plot = new Plot(right, { title: "Updates spent on each plateau", height: 420, x: { name: "ln(1/σ₀)", low: 2, high: 10 }, y: { name: "updates", low: 10, high: 1e4, log: false } });
    this.words = element("p", { class: "words" }, right);
    this.clear();
  }

  clear() {
    Object.assign(this, { found: [], predicted: null });
    this.plot.remove("plateau", "line", "theory");
    this.plot.forgetNames();
    this.runs.remove("run");
    this.runs.forgetNames();
  }

  draw() {
    this.target.show(this.stage.settings);
  }

  scene({ scales, fitted }) {
    this.clear();
    Object.assign(this, { scales, fitted });
    this.stage.status("computing…");
  }

  slow(name, value) {
    if (name === "prediction") this.predict(value);
    else if (name === "run") this.add(value);
    else this.conclude(value);
  }

  predict(value) {
    this.predicted = value;
    value.levels.forEach((level, k) => {
      this.runs.rule(`run-level${k}`, "y", Math.max(level, FLOOR), "dashed level", "", true);
    });
    if (value.notes.length) this.stage.warn(value.notes.join(" "));
  }

  add({ sigma0, updates, loss, ends }) {
    const i = this.found.length;
    this.found.push({ depth: Math.log(1 / sigma0), sigma0, dwells: ends.map((end, k) => (end === null ? null : end - (ends[k - 1] ?? 0))) });
    this.runs.line(`run${i}`, updates, loss.map((x) => Math.max(x ?? FLOOR, FLOOR)), `time${i}`, `σ₀ = ${figures(sigma0)}`);
    this.stage.status(`${this.found.length} of ${this.scales.length} runs`);
    this.points();
  }

  points() {
    const most = Math.max(...this.found.flatMap(({ dwells }) => dwells.map((x) => x ?? 0)), 10);
    this.plot.range("y", 0, most * 1.08);
    const count = Math.max(...this.found.map(({ dwells }) => dwells.length));
    for (let k = 0; k < count; k += 1) {
      const rows = this.found.map(({ depth, dwells }) => [depth, dwells[k]]).filter(([, y]) => y !== null);
      this.plot.dots(`plateau-${k}`, rows, `mode${k + 1} thick`, ["cross", "ring", "square"][k % 3], 5);
      this.plot.add(`plateau ${k}`, rows.map(([x]) => x), rows.map(([, y]) => y), `mode${k + 1}`);
    }
  }

  conclude(slopes) {
    const clean = this.found.filter(({ sigma0 }) => sigma0 < this.fitted);
    const words = slopes.map((slope, k) => {
      const rows = clean.map(({ depth, dwells }) => [depth, dwells[k]]).filter(([, y]) => y !== null);
      if (slope === null || !rows.length) return `plateau ${k}: no end within the run`;
      const [mx, my] = [0, 1].map((part) => rows.reduce((sum, row) => sum + row[part], 0) / rows.length);
      const line = (name, steepness, style) => this.plot.line(`${name}-${k}`, [2, 10], [2, 10].map((x) => my + steepness * (x - mx)), style);
      line("line", slope, `mode${k + 1}`);
      const theory = this.predicted?.slopes[k];
      if (theory) line("theory", theory, "dashed ink");
      return `plateau ${k}: ${figures(slope)} updates per unit, predicted ${figures(theory)}`;
    });
    this.words.textContent = `Slopes. ${words.join("; ")}. Dashed: predicted. Scales from ${this.fitted} on are left out of the fit.`;
    this.plot.describe(this.words.textContent);
    this.stage.achieve(0);
    this.stage.achieve(1);
  }
}
