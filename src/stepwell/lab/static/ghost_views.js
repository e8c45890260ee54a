// Pages 7 and 8: the ghost of a saddle-node.

import { clamp, element, figures } from "./dom.js";
import { ghostCriticalRate, ghostDescent, ghostLoss, ghostOptimum, ghostState } from "./flows.js";
import { Handle } from "./handle.js";
import { Plot } from "./plot.js";

const UPDATES = 20_000;
const CYCLE = [0.41031, 1.02904];
const FATES = {
  lost: (u) => `learned, and lost for good at update ${u}: r fell below r*/4`,
  cycle: () => "not lost: jumps to and fro around r* for ever, and never comes to rest",
  slow: () => "still on its way",
};

export class GhostView {
  constructor(stage) {
    this.stage = stage;
    const { left, right } = stage.columns();
    this.parabola = new Plot(left, { title: "Velocity ẋ over x", height: 210, x: { name: "x T", low: -3, high: 3 }, y: { name: "ẋ T²", low: -4, high: 12 } });
    this.state = new Plot(left, { title: "State over the trial", height: 170, x: { name: "t/T", low: 0, high: 2 }, y: { name: "x T", low: -3, high: 30 } });
    this.loss = new Plot(right, { title: "Loss, and the way of descent", height: 240, x: { name: "r/r*", low: 0.1, high: 20, log: true }, y: { name: "L/T", low: 0, high: 1.1 } });
    this.loss.band("dead", "x", 0.01, 0.25, "dead");
    this.loss.words("dead-name", 0.13, 1.03, "no learning here", "guide");
    this.ball = new Handle(this.loss, {
      label: "start", shape: "disc", size: 7, style: "ball",
      move: (x) => stage.set({ start: Number(clamp(x, 0.26, 20).toPrecision(4)) }),
    });
    this.fates = new Plot(left, { title: "When it is lost, by learning rate", height: 170, x: { name: "α/α*", low: 0.3, high: 3, log: true }, y: { name: "update", low: 10, high: 3 * UPDATES, log: true } });
    this.fates.band("band", "x", 1, CYCLE[1], "dead");
    this.fates.rule("never", "y", UPDATES, "guide", "never");
    this.chosen = new Handle(this.fates, {
      label: "learning rate", shape: "disc", size: 6, style: "ball",
      move: (x) => stage.set({ rate: Number(clamp(x, 0.01, 3).toPrecision(4)) }),
    });
    this.course = new Plot(right, { title: "Loss over updates", height: 210, x: { name: "update", low: 1, high: UPDATES, log: true }, y: { name: "L/T", low: 0, high: 1.1 } });
    this.fate = element("p", { class: "words" }, right);
  }

  draw({ rate, start, delay, confidence } = this.stage.settings, until = Infinity) {
    const best = ghostOptimum(delay);
    const path = ghostDescent(start * best, rate * ghostCriticalRate(delay), delay, UPDATES).map((r) => r / best);
    const lost = path.findIndex((ratio) => ratio < 0.25);
    const last = Math.min(until, lost < 0 ? UPDATES : lost + 1);
    const losses = path.map((ratio) => ghostLoss(ratio * best, delay) / delay);
    this.curve(delay, confidence);
    const shown = path.slice(0, Math.min(last + 1, 2500));
    this.loss.line("way", shown, losses.slice(0, shown.length), "zero thin");
    this.loss.dots("steps", shown.slice(-400).map((ratio, i) => [ratio, losses[Math.max(0, shown.length - 400) + i]]), "zero", "ring", 2.5);
    this.ball.show(start, ghostLoss(start * best, delay) / delay, `start at ${figures(start)} r*`);
    const until1 = Math.min(last, path.length - 1);
    this.course.line("loss", path.slice(0, until1 + 1).map((_, u) => u + 1), losses.slice(0, until1 + 1), "pole", "L/T");
    this.portrait(path[until1] ?? path.at(-1), until < Infinity ? (until % 40) / 20 : 1);
    this.chosen.show(clamp(rate, 0.3, 3), lost < 0 ? UPDATES : lost, `rate ${figures(rate)} of the critical one`);
    if (until === Infinity) this.landscape(start, delay);
    this.words(rate, lost, losses, path);
  }

  // Lost or not, for many rates from the same start; in scaled units it does not depend on T.
  landscape(start, delay) {
    const key = `${start} ${delay}`;
    if (this.surveyed === key) return;
    this.surveyed = key;
    const best = ghostOptimum(delay);
    const rates = Array.from({ length: 221 }, (_, i) => 0.3 * 10 ** (i / 220));
    const ends = rates.map((rate) => {
      const at = ghostDescent(start * best, rate * ghostCriticalRate(delay), delay, 3000).findIndex((r) => r < best / 4);
      return at < 0 ? UPDATES : at;
    });
    this.fates.dots("fates", rates.map((rate, i) => [rate, ends[i]]), "zero filled", "disc", 1.6);
    this.fates.describe(`lost from ${figures(rates[ends.findIndex((end) => end < UPDATES)])} times the critical rate on`);
  }

  curve(delay, confidence) {
    const best = ghostOptimum(delay);
    const ratios = Array.from({ length: 321 }, (_, i) => 0.1 * 200 ** (i / 320));
    this.loss.line("limit", ratios, ratios.map((ratio) => ghostLoss(ratio * best, delay) / delay), "ink", "sharp output");
    const finite = confidence < this.stage.page.settings.confidence.high;
    const asked = finite && this.stage.ask(({ ratio, loss_curve: values }) => this.loss.line("finite", ratio, values.map((x) => x / delay), "dashed pole", `confidence ${figures(confidence)}`));
    if (!asked) this.loss.remove("finite");
  }

  // In units of the trial: the picture is the same for every T.
  portrait(ratio, moment) {
    const r = (ratio * Math.PI ** 2) / 4;
    const xs = Array.from({ length: 121 }, (_, i) => -3 + i / 20);
    this.parabola.line("field", xs, xs.map((x) => x * x + r), "pole", "ẋ");
    this.parabola.rule("zero", "y", 0, "guide");
    const rests = r <= 0 ? [[-Math.sqrt(-r), 0], [Math.sqrt(-r), 0]] : [];
    this.parabola.dots("stable", rests.slice(0, 1), "ink filled", "disc", 5);
    this.parabola.dots("unstable", rests.slice(1), "ink", "ring", 5);
    const x = ghostState(r, moment);
    this.parabola.dots("ball", Number.isFinite(x) && Math.abs(x) < 3 ? [[x, x * x + r]] : [], "ball filled", "disc", 6);
    const times = Array.from({ length: 241 }, (_, i) => i / 120);
    this.state.line("state", times, times.map((t) => { const y = ghostState(r, t); return Number.isFinite(y) && y < 60 ? y : null; }), "pole", "x T");
    this.state.rule("switch", "x", 1, "dashed level", "switch", true);
    if (r > 0) this.state.rule("escape", "x", Math.min(2, Math.PI / (2 * Math.sqrt(r))), "event", "escapes", false);
    else this.state.remove("escape");
  }

  words(rate, lost, losses, path) {
    const learned = losses.findIndex((loss) => loss < 0.5);
    const fate = lost >= 0 ? "lost" : path.at(-1) < 1.5 || learned >= 0 ? "cycle" : "slow";
    const band = rate > CYCLE[0] && rate < CYCLE[1] ? " This rate lies in the band of the 3-cycle." : "";
    const after = learned < 0 ? "" : `below T/2 after ${learned} updates; `;
    this.stage.status(`${after}${FATES[fate](lost)}`);
    this.fate.textContent = `Critical learning rate: ${figures(ghostCriticalRate(this.stage.settings.delay), 5)}; r* = ${figures(ghostOptimum(this.stage.settings.delay), 5)}. Last r/r*: ${figures(path.at(lost < 0 ? -1 : lost), 4)}.${band}`;
    this.loss.describe(this.fate.textContent);
    this.course.describe(this.stage.statusNode.textContent);
  }

  play(share) {
    this.draw(this.stage.settings, Math.round(260 ** (share * 1.02)));
  }
}

const [MODEST, HISTORY] = [1e-8, 10];

export class LatentView {
  constructor(stage) {
    this.stage = stage;
    const { left, right } = stage.columns("even");
    this.field = new Plot(left, { title: "Field of the latent variable", height: 330, x: { name: "κ", low: -8, high: 8 }, y: { name: "f(κ)", low: -4, high: 4 } });
    this.output = new Plot(left, { title: "Output over a trial", height: 180, x: { name: "step", low: 0, high: 39 }, y: { name: "y", low: -0.05, high: 1.05 } });
    this.loss = new Plot(right, { title: "Loss", height: 230, x: { name: "update", low: 0, high: 1000 }, y: { name: "loss", low: 1e-3, high: 3, log: true } });
    this.gradient = new Plot(right, { title: "Norm of the gradient", height: 160, x: { name: "update", low: 0, high: 1000 }, y: { name: "|∇L|", low: MODEST, high: 10, log: true } });
    this.events = element("ol", { class: "events", "aria-label": "what happened" }, right);
    this.history = [];
  }

  draw() {}

  scene({ places, delay, steps, threshold }) {
    Object.assign(this, { places, history: [], fields: [] });
    this.events.replaceChildren();
    this.stage.forget();
    for (const plot of [this.loss, this.gradient]) plot.remove("event");
    for (let i = 0; i < HISTORY; i += 1) this.field.remove(`past${i}`);
    this.field.rule("zero", "y", 0, "guide");
    this.field.rule("threshold", "x", threshold, "dashed level", "threshold");
    const lags = Array.from({ length: steps }, (_, t) => t);
    this.output.range("x", 0, steps - 1);
    this.output.band("wait", "x", 0, delay - 0.5, "phase");
    this.output.line("target", lags, lags.map((t) => (t < delay ? 0 : 1)), "target", "target");
  }

  frame(frame) {
    if (!frame.field) return;
    const { update, loss, gradient, field, points, output } = frame;
    this.history.push({ update, loss: loss.at(-1), gradient, points });
    this.remember(field);
    this.field.line("field", this.places, field, "pole", "f");
    const marks = (kind, stable) => points.filter((p) => p.kind === kind && p.stable === stable).map(({ at, height }) => [at, height]);
    this.field.dots("stable", marks("fixed", true), "ink filled", "disc", 6);
    this.field.dots("unstable", marks("fixed", false), "ink", "ring", 6);
    this.field.dots("ghosts", marks("ghost", false), "zero filled", "star", 8);
    const ghost = points.find(({ kind }) => kind === "ghost");
    if (ghost) this.field.words("ghost-name", ghost.at, ghost.height + 0.5, `ghost, height ${figures(ghost.height)}`, "zero", "middle");
    else this.field.remove("ghost-name");
    this.output.line("output", output.map((_, t) => t), output, "pole", "output");
    this.curves();
  }

  remember(field) {
    if (this.history.length % 20 === 1) this.fields = [...this.fields, field].slice(-HISTORY);
    this.fields.forEach((old, i) => this.field.line(`past${i}`, this.places, old, "past"));
  }

  curves() {
    const xs = this.history.map(({ update }) => update);
    const reach = [1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000, 400_000].find((x) => x >= xs.at(-1)) ?? 400_000;
    for (const plot of [this.loss, this.gradient]) plot.range("x", 0, reach);
    this.loss.line("loss", xs, this.history.map(({ loss }) => clamp(loss, 1e-3, 1e3)), "pole", "loss");
    this.gradient.line("gradient", xs, this.history.map(({ gradient }) => Math.max(MODEST, gradient)), "zero", "|∇L|");
  }

  event({ update, name, text }) {
    if (this.events.children.length < 60) element("li", {}, this.events, `update ${update}: ${text}`);
    this.events.scrollTop = this.events.scrollHeight;
    this.loss.rule(`event-${update}-${name}`, "x", update, "event", { drop: "drop", ghost: "", born: "born", lost: "lost" }[name], name !== "drop");
    this.stage.achieve({ drop: 0, ghost: 1, born: 2, lost: 2 }[name]);
    this.stage.say(`At update ${update} ${text}.`);
  }

  sentences() {
    const last = this.history.at(-1);
    if (!last) return;
    this.loss.describe(`The loss is ${figures(last.loss)} at update ${last.update}.`);
    this.gradient.describe(`The norm of the gradient is ${figures(last.gradient)}.`);
    this.field.describe(`Points: ${last.points.map(({ kind, at }) => `${kind} at ${figures(at)}`).join("; ")}.`);
    this.output.describe("The output over the target.");
  }
}
