// Pages 1 to 3: poles and zeros, the residue, the saddle.

import { PointRows } from "./controls.js";
import { clamp, element, figures, complexFigures } from "./dom.js";
import { heat } from "./field.js";
import { modeEnd, modeLoss, modePath } from "./flows.js";
import { Handle } from "./handle.js";
import { decibels, impulseResponse, modulus, residuesAt } from "./maths.js";
import { PointSet, offFrame, plane, withMirrors } from "./plane.js";
import { Plot } from "./plot.js";

const [FREQUENCIES, LAGS] = [160, 48];

export class PolesView {
  constructor(stage) {
    this.stage = stage;
    const { left, right } = stage.columns();
    this.plane = plane(left, "Complex plane");
    this.sets = {};
    for (const [name, shape, style] of [["poles", "cross", "pole"], ["zeros", "ring", "zero"]]) this.points(left, name, shape, style);
    this.magnitude = new Plot(right, {
      title: "Frequency response |H| in decibel", height: 210,
      x: { name: "ω, radians per sample", low: 0, high: Math.PI }, y: { name: "dB", low: -20, high: 20 },
    });
    this.impulse = new Plot(right, {
      title: "Impulse response", height: 210,
      x: { name: "lag s", low: -0.5, high: LAGS - 0.5 }, y: { name: "g", low: -2, high: 2 },
    });
    this.words = element("p", { class: "words" }, left);
  }

  points(parent, name, shape, style) {
    const [{ page }, limit] = [this.stage, this.stage.page.settings[name]];
    const change = (points) => this.stage.set({ [name]: points });
    const add = () => this.add(name);
    const set = new PointSet(this.plane, {
      label: name.slice(0, -1), shape, style, reach: limit.reach, changed: change, add,
      room: (points) => this.room({ ...this.stage.settings, [name]: points }),
    });
    const rows = new PointRows(parent, {
      label: name.slice(0, -1), points: page.settings[name], add,
      changed: (points) => (this.room({ ...this.stage.settings, [name]: points }) ? change(points) : this.refuse()),
      remove: (i) => set.removeAt(i),
    });
    this.sets[name] = { set, rows };
  }

  room({ poles, zeros }) {
    const fits = poles.length >= 1 && withMirrors(zeros).length < withMirrors(poles).length;
    if (!fits) this.refuse();
    return fits;
  }

  refuse() {
    this.stage.warn("A response that starts after its cause has fewer zeros than poles: add a pole first.");
  }

  add(name) {
    const taken = this.stage.settings[name].length;
    const points = [...this.stage.settings[name], [[0.5, 0], [-0.5, 0], [0, 0], [-0.2, 0]][taken % 4]];
    if (taken < this.stage.page.settings[name].most && this.room({ ...this.stage.settings, [name]: points })) {
      this.stage.set({ [name]: points });
    }
  }

  draw({ poles, zeros, gain, log_frequency: log, python } = this.stage.settings) {
    const [allPoles, allZeros] = [withMirrors(poles), withMirrors(zeros)];
    for (const [name, points] of [["poles", poles], ["zeros", zeros]]) {
      this.sets[name].set.show(points);
      this.sets[name].rows.show(points);
    }
    offFrame(this.plane, allZeros, "zero");
    this.bars(poles, allPoles, allZeros, gain);
    const frequencies = Array.from({ length: FREQUENCIES }, (_, i) => (Math.PI * i) / (FREQUENCIES - 1));
    this.magnitude.range("x", log ? 0.01 : 0, Math.PI, log);
    const asked = python && this.stage.ask((answer) => this.curves(frequencies, answer.decibel, answer.impulse));
    if (!asked) this.curves(frequencies, decibels(allPoles, allZeros, gain, frequencies), impulseResponse(allPoles, allZeros, gain, LAGS));
    const radius = Math.max(...allPoles.map(modulus));
    this.stage.badge(radius >= 1 ? "unstable" : "");
    this.say(allPoles, allZeros);
  }

  curves(frequencies, level, g) {
    const finite = level.filter((x) => x !== null && Number.isFinite(x));
    const high = Math.ceil((Math.max(...finite) + 1) / 10) * 10;
    this.magnitude.range("y", Math.max(high - 80, Math.floor((Math.min(...finite) - 1) / 10) * 10), high);
    this.magnitude.line("response", frequencies, level, "pole", "dB");
    const peak = level.indexOf(Math.max(...finite));
    this.magnitude.dots("peak", [[frequencies[peak], level[peak]]], "pole filled", "disc", 4);
    this.peak = `peak ${figures(level[peak], 4)} dB at ω = ${figures(frequencies[peak])}`;
    const size = roundUp(Math.max(...g.slice(0, 24).map(Math.abs), 1e-3));
    this.impulse.range("y", -size, size);
    this.impulse.stems("stems", g.map((x) => clamp(x, -3 * size, 3 * size)), "pole", "g");
    this.magnitude.describe(this.peak);
    this.impulse.describe(`starts ${g.slice(0, 4).map((x) => figures(x)).join(", ")}`);
    this.stage.status(this.peak);
  }

  bars(poles, allPoles, allZeros, gain) {
    const found = residuesAt(allPoles, allZeros, gain);
    const sizes = poles.map((z) => found[allPoles.findIndex((p) => p[0] === z[0] && p[1] === z[1])]);
    this.residues = sizes.map((r) => (r === null ? null : modulus(r)));
    const ends = poles.map(([x, y], i) => [x + 0.08, y, x + 0.08 + clamp(this.residues[i] ?? 0, 0, 4) * 0.4]);
    this.plane.put("bars", "path", "residue-bar", () => ({
      d: ends.map(([x, y, end]) => `M${this.plane.X(x)} ${this.plane.Y(y)}H${this.plane.X(end)}`).join("") || "M0 0",
    }));
  }

  say(poles, zeros) {
    const loud = this.stage.settings.poles.map((z, i) => `${complexFigures(z)} with |r| ${figures(this.residues[i])}`);
    this.words.textContent = `Poles: ${loud.join("; ")}. Zeros: ${zeros.filter(([, im]) => im >= 0).map((z) => complexFigures(z)).join("; ") || "none"}.`;
    this.plane.describe(this.words.textContent);
  }

  // The pole pair walks out from the centre, and the resonance grows.
  play(share) {
    const { settings } = this.stage;
    const size = 0.25 + 0.75 * (1 - (1 - share) ** 2);
    this.draw({ ...settings, python: false, poles: settings.poles.map(([re, im]) => [re * size, im * size]) });
  }
}

export function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 1.5, 2, 3, 5, 7.5, 10].find((factor) => factor * power >= value * 0.999);
}

const POLE = [0.9 * Math.cos(0.9), 0.9 * Math.sin(0.9)];
const BACKGROUND = [0.6, 0];
const RING = 0.26;

export class ResidueView {
  constructor(stage) {
    this.stage = stage;
    const { left, right } = stage.columns();
    this.plane = plane(left, "Complex plane", 1.25);
    this.plane.dots("poles", [POLE, [POLE[0], -POLE[1]]], "pole", "cross", 6);
    this.plane.dots("background", [BACKGROUND], "muted-mark", "cross", 6);
    this.plane.put("ring", "ellipse", "guide", () => ({
      cx: this.plane.X(POLE[0]), cy: this.plane.Y(POLE[1]), rx: this.plane.X(RING) - this.plane.X(0), ry: this.plane.Y(0) - this.plane.Y(RING),
    }));
    this.turn = new Handle(this.plane, {
      label: "direction", shape: "disc", size: 4, style: "ink",
      move: (x, y) => stage.set({ angle: Number(Math.atan2(POLE[1] - y, POLE[0] - x).toFixed(4)) }),
      key: (event) => ({ ArrowLeft: 1, ArrowRight: -1 })[event.key] && this.turned({ ArrowLeft: 0.05, ArrowRight: -0.05 }[event.key]),
    });
    this.zero = new Handle(this.plane, {
      label: "zero", shape: "ring", style: "zero", step: 0.02,
      move: (x, y) => {
        const away = Math.hypot(POLE[0] - x, POLE[1] - y);
        stage.set({ delta: Number(clamp(away, 0, 0.5).toFixed(4)), ...(away > 0.01 && { angle: Number(Math.atan2(POLE[1] - y, POLE[0] - x).toFixed(4)) }) });
      },
    });
    this.magnitude = new Plot(right, {
      title: "Frequency response |H|", height: 200,
      x: { name: "ω, radians per sample", low: 0, high: Math.PI }, y: { name: "dB", low: -10, high: 20 },
    });
    this.loudness = new Plot(right, {
      title: "Residue |r| against the distance δ", height: 220,
      x: { name: "δ", low: 1e-3, high: 0.5, log: true }, y: { name: "|r|", low: 1e-3, high: 1, log: true },
    });
  }

  turned(step) {
    const angle = this.stage.settings.angle + step;
    return [POLE[0] - RING * Math.cos(angle), POLE[1] - RING * Math.sin(angle)];
  }

  draw({ delta, angle } = this.stage.settings) {
    const zero = zeroAt(delta, angle);
    const [poles, zeros] = [withMirrors([POLE, BACKGROUND]), withMirrors([zero])];
    this.turn.show(POLE[0] - RING * Math.cos(angle), POLE[1] - RING * Math.sin(angle), `direction ${figures(angle)} radians`);
    this.zero.show(...zero, `zero ${complexFigures(zero)}, distance ${figures(delta)}`);
    this.plane.dots("mirror", [[zero[0], -zero[1]]], "zero mirror", "ring", 6);
    const frequencies = Array.from({ length: 240 }, (_, i) => (Math.PI * i) / 239);
    this.magnitude.line("background", frequencies, decibels([BACKGROUND], [], 1, frequencies), "dashed muted-mark", "background");
    this.magnitude.line("response", frequencies, decibels(poles, zeros, 1, frequencies), "pole", "with the mode");
    this.magnitude.rule("pole", "x", 0.9, "guide", "the pole's angle");
    this.law(delta, angle);
  }

  law(delta, angle) {
    const deltas = Array.from({ length: 81 }, (_, i) => 1e-3 * 500 ** (i / 80));
    const sizes = deltas.map((x) => sizeAt(x, angle));
    const first = 1 / modulus([POLE[0] - BACKGROUND[0], POLE[1]]);
    this.loudness.line("law", deltas, deltas.map((x) => first * x), "dashed ink", "law for δ → 0");
    this.loudness.line("size", deltas, sizes, "pole", "|r|");
    this.loudness.dots("now", delta > 0 ? [[Math.max(delta, 1e-3), sizeAt(Math.max(delta, 1e-3), angle)]] : [], "pole filled", "disc", 5);
    const near = deltas.map((x, i) => [Math.log(x), Math.log(sizes[i])]).filter(([x]) => x <= Math.log(0.1));
    const slope = fittedSlope(near);
    const words = delta === 0 ? "silent: only the background is left" : `|r| = ${figures(sizeAt(delta, angle), 4)}`;
    this.stage.status(`${words} · fitted slope up to δ = 0.1: ${figures(slope)} · |r|/δ → ${figures(first, 5)}`);
    this.loudness.describe(`fitted slope ${figures(slope)}; at δ = ${figures(delta)} |r| is ${figures(sizeAt(delta, angle))}`);
    this.magnitude.describe(words);
    this.plane.describe(`The zero stands ${figures(delta)} away from the pole.`);
  }

  play(share) {
    this.draw({ ...this.stage.settings, delta: 0.4 * (0.5 - 0.5 * Math.cos(2 * Math.PI * share)) ** 1.5 + share * this.stage.settings.delta });
  }
}

const zeroAt = (delta, angle) => [POLE[0] - delta * Math.cos(angle), POLE[1] - delta * Math.sin(angle)];

function sizeAt(delta, angle) {
  return modulus(residuesAt(withMirrors([POLE, BACKGROUND]), withMirrors([zeroAt(delta, angle)]), 1)[0]);
}

export function fittedSlope(points) {
  const [mx, my] = [0, 1].map((k) => points.reduce((sum, point) => sum + point[k], 0) / points.length);
  const top = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0);
  return top / points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
}

export class SaddleView {
  constructor(stage) {
    this.stage = stage;
    const { left, right } = stage.columns();
    const axis = { low: -1.5, high: 1.5 };
    this.map = new Plot(left, { title: "Loss over readout and input", square: true, x: { name: "α", ...axis }, y: { name: "β", ...axis } });
    this.map.probe = (x, y) => `α ${figures(x)}, β ${figures(y)}: loss ${figures(modeLoss(stage.settings.target, [x, y]))}`;
    this.ball = new Handle(this.map, {
      label: "start", shape: "disc", size: 7, style: "ball", step: 0.02,
      move: (x, y) => stage.set({ alpha: held(x), beta: held(y) }),
    });
    this.losses = new Plot(right, { title: "Loss along the path", height: 210, x: { name: "time", low: 0, high: 12 }, y: { name: "loss", low: 0, high: 0.6 } });
    this.modes = new Plot(right, { title: "Readout α and input β along the path", height: 190, x: { name: "time", low: 0, high: 12 }, y: { name: "", low: -1.5, high: 1.5 } });
    this.words = element("p", { class: "words" }, left);
  }

  draw({ target, alpha, beta } = this.stage.settings, until = Infinity) {
    this.ground(target);
    const path = modePath(target, [alpha, beta]);
    this.ball.show(alpha, beta, `start α ${figures(alpha)}, β ${figures(beta)}`);
    const [xs, ys] = [0, 1].map((k) => path.places.map((place) => place[k]));
    this.map.line("path", xs, ys, "path", "β");
    const last = path.times.findLastIndex((time) => time <= until);
    this.map.dots("now", until < Infinity ? [path.places[last]] : [], "ball filled", "disc", 7);
    this.map.dots("end", [path.places.at(-1)], "path filled", "star", 7);
    const settled = path.times[path.losses.findIndex((loss) => loss < 1e-4)] ?? 40;
    this.reach = Math.min(40, roundUp(1.3 * Math.max(settled, 4)));
    for (const plot of [this.losses, this.modes]) plot.range("x", 0, this.reach);
    this.losses.range("y", 0, roundUp(Math.max(...path.losses, 0.1) * 1.05));
    this.losses.line("loss", path.times, path.losses, "pole", "loss");
    this.losses.dots("now", until < Infinity ? [[path.times[last], path.losses[last]]] : [], "ball filled", "disc", 5);
    this.modes.line("alpha", path.times, xs, "pole", "α");
    this.modes.line("beta", path.times, ys, "zero dash-dot", "β");
    this.say(target, [alpha, beta], path);
  }

  ground(target) {
    if (this.shown === target) return;
    this.shown = target;
    const places = Array.from({ length: 121 }, (_, i) => -1.5 + i / 40);
    heat(this.map, "map", places.map((y) => places.map((x) => modeLoss(target, [x, y]))), { low: 0, high: 2.6, bend: 0.45 });
    const xs = Array.from({ length: 241 }, (_, i) => -1.5 + i / 80);
    this.map.line("valley", xs, xs.map((x) => (Math.abs(x) < 1e-9 ? null : Math.abs(target / x) > 3 ? null : target / x)), "dashed on-map");
    this.map.dots("saddle", [[0, 0]], "on-map", "plus", 7);
  }

  say(target, start, path) {
    const end = modeEnd(target, start);
    const arrived = Math.hypot(...path.places.at(-1)) < 0.05 && target !== 0;
    const way = target === 0 ? "" : ` The way out is α = ${target > 0 ? "β" : "−β"}.`;
    this.words.textContent = `Curvatures at the saddle: ${figures(Math.abs(target))} and ${figures(-Math.abs(target))}.${way}`;
    const words = arrived || !end ? "the ball ends in the saddle" : `the ball ends at α = ${figures(end[0], 6)}, β = ${figures(end[1], 6)}`;
    this.stage.status(`${words} · α² − β² = ${figures(start[0] ** 2 - start[1] ** 2)} all the way`);
    this.map.describe(`From α ${figures(start[0])}, β ${figures(start[1])} ${words}.`);
    this.losses.describe(`falls from ${figures(path.losses[0])} to ${figures(path.losses.at(-1))}`);
  }

  play(share) {
    this.draw(this.stage.settings, this.reach * share);
  }
}

const held = (value) => Number(clamp(value, -1.5, 1.5).toFixed(4));
