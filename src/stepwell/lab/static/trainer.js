// The training page without Python: the same messages, from the small trainer of maths.js. It knows BPTT only.

import { normals, polesAndZeros, responseOf, trainingUpdate } from "./maths.js";
import { withMirrors } from "./plane.js";
import { PROTOCOL } from "./transport.js";

export class TrainerTransport {
  constructor() {
    Object.assign(this, { kind: "browser", gen: 0, running: false, speed: 10 });
  }

  on(callback) {
    this.callback = callback;
    setTimeout(() => callback({ type: "hello", protocol: PROTOCOL, pages: ["training"] }));
  }

  send(message) {
    if (message.type === "reset") this.reset(message);
    else if (message.type === "start") this.go(true);
    else if (message.type === "pause") this.go(false);
    else if (message.type === "advance" && !this.running) this.picture(message.updates);
    else if (message.type === "speed") this.speed = message.updates;
    else if (message.type === "change") Object.assign(this.settings ?? {}, message.settings);
    else if (message.type === "ack" && message.gen === this.gen && this.running) this.later();
  }

  go(running) {
    if (running === this.running || this.done) return;
    this.running = running;
    if (running) this.picture(this.speed);
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.running && this.picture(this.speed), 25);
  }

  reset({ gen, settings }) {
    clearTimeout(this.timer);
    Object.assign(this, { gen, settings, running: false, done: false, update: 0, frame: 0, last: null });
    const { poles, residues } = mirroredTarget(settings);
    this.target = targetResponse(poles, residues, settings.steps);
    const n = settings.hidden;
    const start = normals(settings.seed, n * n + 2 * n).map((x) => x * settings.sigma0);
    this.weights = { W: start.slice(0, n * n), b: start.slice(n * n, n * n + n), c: start.slice(n * n + n) };
    this.callback({ type: "scene", gen, poles, residues: residues.map((r) => [r, 0]), impulse: this.target });
    this.picture(0);
  }

  picture(updates) {
    for (let i = 0; i < updates && !this.done; i += 1) this.step();
    const { weights, target } = this;
    const impulse = responseOf(weights, target.length);
    const loss = 0.5 * impulse.reduce((sum, g, s) => sum + (g - target[s]) ** 2, 0);
    this.frame += 1;
    const head = { type: "frame", gen: this.gen, frame: this.frame, update: this.update };
    if (!Number.isFinite(loss)) return this.end("diverged", { ...head, loss: [null, null] });
    const sizes = [weights.b, weights.c, weights.W].map((x) => Math.hypot(...x));
    const picture = { ...head, loss: [this.last ?? loss, loss], ...polesAndZeros(weights), impulse, norms: sizes };
    if (loss < 1e-12) return this.end("solved", picture);
    return this.callback(picture);
  }

  step() {
    this.last = trainingUpdate(this.weights, this.target, this.settings.learning_rate);
    this.update += 1;
    if (!Number.isFinite(this.last)) this.done = true;
  }

  end(why, picture) {
    Object.assign(this, { done: true, running: false });
    this.callback(picture);
    this.callback({ type: "done", gen: this.gen, why });
  }

  close() {
    this.running = false;
  }
}

export function mirroredTarget({ poles, residues }) {
  return { poles: withMirrors(poles), residues: poles.flatMap(([, im], i) => (im === 0 ? [residues[i]] : [residues[i], residues[i]])) };
}

export function targetResponse(poles, residues, steps) {
  const powers = poles.map(() => [1, 0]);
  return Array.from({ length: steps }, () => {
    const value = powers.reduce((sum, [re], k) => sum + residues[k] * re, 0);
    powers.forEach(([re, im], k) => {
      const [a, b] = poles[k];
      powers[k] = [re * a - im * b, re * b + im * a];
    });
    return value;
  });
}
