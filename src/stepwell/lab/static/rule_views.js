// Pages 10 and 11: learning rules as flows, and the rank of what they learn.

import { clamp, element, figures } from "./dom.js";
import { arrows } from "./field.js";
import { integrated, rfloSlopes, ruleInvariant, ruleLoss, ruleVelocity } from "./flows.js";
import { Handle } from "./handle.js";
import { Plot } from "./plot.js";

const NAMES = { bptt: "BPTT", tbptt: "tBPTT(1)", rflo: "RFLO", eprop: "e-prop" };
const FLOWING = ["bptt", "tbptt", "rflo"];
const EDGE = 0.999;

export class RulesView {
  constructor(stage) {
    this.stage = stage;
    const columns = stage.thirds();
    const side = { low: -1.8, high: 1.8 };
    this.slices = FLOWING.map((rule, i) => {
      const outer = new Plot(columns[i], { title: `${NAMES[rule]}: w = w*`, square: true, x: { name: "a", ...side }, y: { name: "b", ...side } });
      const along = new Plot(columns[i], { title: "a = b", height: 220, x: { name: "a = b", ...side }, y: { name: "w", low: -0.99, high: 0.99 } });
      const start = (plot, move) => new Handle(plot, { label: `start of ${NAMES[rule]}`, shape: "disc", size: 6, style: "ball", step: 0.02, move });
      return {
        rule, outer, along, note: element("p", { class: "words tight" }, columns[i]),
        outerStart: start(outer, (a, b) => stage.set({ a: within(a, 1.8), b: within(b, 1.8) })),
        alongStart: start(along, (a, w) => stage.set({ a: within(a, 1.8), b: within(a, 1.8), w: within(w, 0.95) })),
      };
    });
    const { left, right } = stage.columns();
    this.solid = new Solid(left);
    this.time = new Plot(right, { title: "Loss over time", height: 200, x: { name: "time", low: 0, high: 100 }, y: { name: "loss", low: 1e-6, high: 1, log: true } });
    this.weights = new Plot(right, { title: "Readout a over time", height: 170, x: { name: "time", low: 0, high: 100 }, y: { name: "a", low: -1.8, high: 1.8 } });
    this.point = new Handle(this.slices[2].outer, { label: "point s", shape: "square", size: 5, style: "ink", move: (a) => stage.set({ s: within(a, 1.8) || 0.01 }) });
  }

  draw(settings = this.stage.settings, until = Infinity) {
    const runs = FLOWING.map((rule) => trajectory(rule, settings));
    this.slices.forEach((slice, i) => this.slice(slice, settings, runs[i], until));
    this.solid.show(runs, settings, until);
    const most = Math.max(...runs.flatMap(({ losses }) => losses.filter(Number.isFinite)));
    this.time.range("y", 1e-6, 10 ** Math.ceil(Math.log10(Math.max(most, 0.1))));
    runs.forEach(({ rule, times, states, losses }) => {
      const cut = count(times, until);
      this.time.line(rule, times.slice(0, cut), losses.slice(0, cut).map((x) => Math.max(x, 1e-6)), `rule-${rule}`, NAMES[rule]);
      this.weights.line(rule, times.slice(0, cut), states.slice(0, cut).map(([a]) => a), `rule-${rule}`, NAMES[rule]);
    });
    this.badge(settings);
    this.words(runs);
  }

  slice({ rule, outer, along, note, outerStart, alongStart }, settings, run, until) {
    const { a, b, w, kappa, goal } = settings;
    outerStart.show(a, b, `a ${figures(a)}, b ${figures(b)}`);
    alongStart.show((a + b) / 2, w, `a = b ${figures((a + b) / 2)}, w ${figures(w)}`);
    this.ground(rule, outer, along, settings);
    const states = run.states.slice(0, count(run.times, until));
    outer.line("path", states.map((x) => x[0]), states.map((x) => x[1]), `rule-${rule} strong`, "b");
    along.line("path", states.map((x) => (x[0] + x[1]) / 2), states.map((x) => x[2]), `rule-${rule} strong`, "w");
    const end = states.at(-1);
    outer.dots("end", [[end[0], end[1]]], `rule-${rule} end`, "star", 7);
    along.dots("end", [[(end[0] + end[1]) / 2, end[2]]], `rule-${rule} end`, "star", 7);
    const root = Math.sqrt(Math.max(kappa, 0));
    along.dots("optimum", kappa > 0 ? [[root, goal], [-root, goal]] : [], "ink", "plus", 6);
    const invariant = ruleInvariant(rule, settings, [a, b, w]);
    note.textContent = run.finished
      ? `Ends at a ${figures(end[0], 5)}, b ${figures(end[1], 5)}, w ${figures(end[2], 4)}. Constant along the way: ${figures(invariant, 4)}.`
      : "Left the stable region: |w| has reached 1.";
    outer.describe(note.textContent);
    along.describe(note.textContent);
  }

  // Arrows and curves change with the settings of the flow, not with the start.
  ground(rule, outer, along, settings) {
    const { kappa, goal, decay, feedback } = settings;
    const key = [kappa, goal, decay, feedback, outer.width].join();
    if (outer.ground === key) return;
    outer.ground = key;
    const velocity = ruleVelocity(rule, settings);
    arrows(outer, "arrows", (x, y) => velocity([x, y, goal]).slice(0, 2), 15);
    arrows(along, "arrows", (x, y) => { const [u, v, s] = velocity([x, x, y]); return [(u + v) / 2, s]; }, 13);
    const xs = Array.from({ length: 361 }, (_, i) => -1.8 + i / 100);
    outer.line("optimal", xs, xs.map((x) => (Math.abs(x) < 1e-9 || Math.abs(kappa / x) > 2.5 ? null : kappa / x)), "ink dashed");
    if (rule !== "rflo") along.put("fixed-line", "path", "line ink", () => ({ d: `M${along.X(0)} ${along.box.top}V${along.box.bottom}` }));
  }

  badge(settings) {
    const s = settings.s || 0.01;
    const [trace, determinant] = rfloSlopes(settings, s);
    const stable = trace > 0 && determinant > 0;
    this.point.show(s, clamp(settings.kappa / s, -1.8, 1.8), `point s ${figures(s)}, ${stable ? "stable" : "unstable"}`);
    this.point.group.classList.toggle("filled", stable);
    this.stage.badge(`RFLO at s = ${figures(s)}: ${stable ? "stable" : "unstable"}`, !stable);
    this.trace = `trace ${figures(trace)}, determinant ${figures(determinant)}`;
  }

  words(runs) {
    const parts = runs.map(({ rule, times, losses }) => `${NAMES[rule]} ${figures(lastAbove(times, losses, 1e-6))}`);
    this.stage.status(`${this.trace} · last time with loss above 10⁻⁶: ${parts.join(", ")}`);
    this.time.describe(this.stage.statusNode.textContent);
    this.weights.describe("");
  }

  play(share) {
    this.draw(this.stage.settings, 100 ** (share * 1.1 - 0.05) - 0.7);
  }
}

const within = (value, most) => Number(clamp(value, -most, most).toFixed(4));

const count = (times, until) => (until === Infinity ? times.length : Math.max(2, times.findLastIndex((t) => t <= until) + 1));

function trajectory(rule, settings) {
  const { a, b, w } = settings;
  const path = integrated(ruleVelocity(rule, settings), [a, b, w], { stop: (state) => Math.abs(state[2]) >= EDGE });
  return { rule, ...path, losses: path.states.map((state) => ruleLoss(settings, state)) };
}

function lastAbove(times, losses, level) {
  const i = losses.findLastIndex((loss) => loss > level);
  if (i < 0 || i === losses.length - 1) return times[Math.max(i, 0)];
  const share = Math.log(losses[i] / level) / Math.log(losses[i] / Math.max(losses[i + 1], 1e-300));
  return times[i] + share * (times[i + 1] - times[i]);
}

// The three weights in space, seen from a side that is turned by hand or by arrow keys.
class Solid {
  constructor(parent) {
    const axis = { low: -2.4, high: 2.4 };
    this.plot = new Plot(parent, { title: "All three weights", square: true, style: "bare", x: { name: "", ...axis }, y: { name: "", ...axis } });
    [this.turn, this.tilt] = [0.6, 0.45];
    const { svg } = this.plot;
    svg.setAttribute("tabindex", "0");
    svg.setAttribute("role", "application");
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }[event.key];
      if (step) this.rotate(...step, event);
    });
    svg.addEventListener("pointerdown", (event) => svg.setPointerCapture(event.pointerId));
    svg.addEventListener("pointermove", (event) => {
      if (event.buttons) this.rotate(event.movementX / 120, event.movementY / 120, event);
    });
  }

  rotate(turn, tilt, event) {
    event.preventDefault();
    this.turn += turn;
    this.tilt = clamp(this.tilt + tilt, -1.5, 1.5);
    if (this.last) this.show(...this.last);
  }

  project([a, b, w]) {
    const [x, y] = [a * Math.cos(this.turn) - b * Math.sin(this.turn), a * Math.sin(this.turn) + b * Math.cos(this.turn)];
    return [x, 1.5 * w * Math.cos(this.tilt) + y * Math.sin(this.tilt)];
  }

  show(runs, settings, until) {
    this.last = [runs, settings, until];
    const curve = (name, places, style) => {
      const flat = places.map((place) => this.project(place));
      this.plot.line(name, flat.map(([x]) => x), flat.map(([, y]) => y), style);
    };
    [["a", [1.8, 0, 0]], ["b", [0, 1.8, 0]], ["w", [0, 0, 1]]].forEach(([name, tip]) => {
      curve(`axis-${name}`, [tip.map((x) => -x), tip], "axis");
      this.plot.words(`name-${name}`, ...this.project(tip), name);
    });
    const { kappa, goal } = settings;
    for (const side of [-1, 1]) {
      const as = Array.from({ length: 60 }, (_, i) => side * 0.28 * 6.4 ** (i / 59));
      curve(`optimal${side}`, as.filter((a) => Math.abs(kappa / a) < 2).map((a) => [a, kappa / a, goal]), "ink dashed");
    }
    for (const { rule, times, states } of runs) {
      const shown = states.slice(0, count(times, until));
      curve(`path-${rule}`, shown, `rule-${rule} strong`);
      this.plot.dots(`end-${rule}`, [this.project(shown.at(-1))], `rule-${rule} end`, "star", 7);
    }
    this.plot.svg.setAttribute("aria-label", "Trajectories of the three rules in the space of a, b and w. Arrow keys turn it.");
  }
}

export class RuleRankView {
  constructor(stage) {
    this.stage = stage;
    const { left, right } = stage.columns("even");
    this.values = new Plot(left, { title: "Singular values of ΔW, of the largest", height: 380, x: { name: "index", low: 0.5, high: 24.5 }, y: { name: "", low: 1e-18, high: 100, log: true } });
    this.values.rule("cut", "y", 1e-10, "guide", "10⁻¹⁰");
    this.loss = new Plot(right, { title: "Loss", height: 250, x: { name: "update", low: 1, high: 1e4, log: true }, y: { name: "loss", low: 1e-6, high: 10, log: true } });
    this.rows = element("div", { class: "table", tabindex: "0", role: "region", "aria-label": "ranks" }, right);
    this.history = [];
  }

  draw() {}

  scene({ rules, outputs }) {
    Object.assign(this, { rules, history: [] });
    this.stage.forget();
    this.values.rule("bound", "x", outputs + 0.5, "dashed level", `${outputs} output${outputs > 1 ? "s" : ""}`);
  }

  frame({ update, losses, values, ranks }) {
    this.history.push({ update, ...losses });
    const rows = this.history.filter(({ update: u }) => u > 0);
    for (const rule of this.rules) {
      this.loss.line(rule, rows.map(({ update: u }) => u), rows.map((row) => row[rule]), `rule-${rule}`, NAMES[rule]);
      const own = values[rule].map((s) => Math.max(s / values[rule][0], 1e-18));
      if (!Number.isFinite(own[0])) continue;
      this.values.line(rule, own.map((_, k) => k + 1), own, `rule-${rule}`, NAMES[rule]);
      this.values.dots(`${rule}-dots`, own.map((s, k) => [k + 1, s]), `rule-${rule} thick`, { bptt: "disc", eprop: "plus", tbptt: "square", rflo: "cross" }[rule], 3);
    }
    if (update > 0) this.tabulate(values, ranks, losses);
  }

  tabulate(values, ranks, losses) {
    this.rows.replaceChildren();
    const table = element("table", {}, this.rows);
    const head = element("tr", {}, element("thead", {}, table));
    for (const name of ["rule", "rank at 10⁻¹⁰", "rank at 10⁻²", "loss"]) element("th", { scope: "col" }, head, name);
    const body = element("tbody", {}, table);
    for (const rule of this.rules) {
      const row = element("tr", {}, body);
      const loud = values[rule].filter((s) => s > 1e-2 * values[rule][0]).length;
      for (const cell of [NAMES[rule], String(ranks[rule]), String(loud), figures(losses[rule])]) element("td", {}, row, cell);
    }
    const { outputs, optimiser, network } = this.stage.settings;
    if (ranks.rflo === Number(outputs) && optimiser === "sgd" && network === "linear") this.stage.achieve(0);
    if (ranks.bptt >= 20) this.stage.achieve(1);
    if (optimiser === "adam" && ranks.rflo > Number(outputs)) this.stage.achieve(2);
  }

  sentences() {
    this.values.describe(this.rows.textContent.replace(/\s+/g, " "));
    this.loss.describe("Losses of the four rules.");
  }
}
