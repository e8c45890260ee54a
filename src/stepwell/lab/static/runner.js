// A run that somebody else computes: start, pause, step, reset, and frames that are drawn and then acknowledged.

import { element, figures, reducedMotion, set } from "./dom.js";

const KINDS = {
  python: "Python connected",
  notebook: "notebook kernel",
  recorded: "recorded run",
  browser: "computed here",
};
const ENDS = {
  solved: "The loss has reached 10⁻¹²: there is nothing left to learn.",
  diverged: "The run has diverged: the numbers left all bounds. Choose a smaller learning rate.",
  limit: "The run has reached its limit of updates.",
  idle: "Nobody touched this page for ten minutes; the run waits. Start goes on.",
  recorded: "This is the end of the recorded run.",
};

export class Runner {
  // view: {scene, frame, event, slow, done}. say(text) announces; status(text) shows a line.
  constructor(stage, view, parent) {
    Object.assign(this, { stage, view, gen: 0, running: false, ended: false, waiting: null, times: [] });
    if (stage.page.streams) this.buttons(parent);
  }

  buttons(parent) {
    const box = element("div", { class: "buttons" });
    const button = (words, action, style = "") => element("button", { type: "button", class: style, onclick: action }, box, words);
    this.go = button("start", () => (this.running ? this.pause() : this.start()), "primary");
    button("step", () => this.step());
    button("reset", () => this.reset());
    button("new seed", () => this.stage.set({ seed: Math.floor(Math.random() * 1e6) }));
    parent.prepend(box);
  }

  // --- what goes out ---

  send(message) {
    this.stage.transport?.send(message);
  }

  open(play) {
    this.resetting = false;
    this.reset();
    this.restarts = play;
  }

  // One reset is under way at a time; of those that were wanted meanwhile the latest is sent afterwards.
  reset() {
    this.show(false);
    if (this.resetting) {
      this.again = true;
      return;
    }
    const serving = this.stage.lab.serving(this.stage.page);
    if (serving && serving !== this.stage.transport) this.stage.adopt(serving);
    if ("speed" in this.stage.settings) this.send({ type: "speed", updates: this.stage.settings.speed });
    this.gen += 1;
    Object.assign(this, { ended: false, frame: null, times: [], resetting: true, again: false });
    this.stage.status(serving?.kind === "browser" ? "computing…" : "computing… (what runs for the first time is compiled before)");
    this.send({ type: "reset", gen: this.gen, settings: { ...this.stage.settings } });
  }

  settled() {
    this.resetting = false;
    if (this.again) this.reset();
  }

  start() {
    if (this.ended) this.reset();
    this.show(true);
    this.send({ type: "start", gen: this.gen });
  }

  pause() {
    this.show(false);
    this.send({ type: "pause", gen: this.gen });
    this.stage.describe();
  }

  step() {
    if (this.running) this.pause();
    this.send({ type: "advance", gen: this.gen, updates: this.stage.settings.speed ?? 10 });
  }

  // Live settings change the run that goes on, the others start a new one.
  settle(changes) {
    const { settings } = this.stage.page;
    if ("speed" in changes) this.send({ type: "speed", updates: changes.speed });
    const live = Object.keys(changes).every((name) => settings[name].live);
    if (live) this.send({ type: "change", gen: this.gen, settings: changes });
    else {
      const going = this.running || this.restarts;
      this.reset();
      this.restarts = going;
    }
  }

  show(running) {
    this.running = running;
    if (this.go) set(this.go, { "aria-pressed": String(running) }).textContent = running ? "pause" : "start";
  }

  // --- what comes in ---

  receive(message) {
    if (message.gen !== undefined && message.gen !== this.gen) return;
    if (message.type === "frame") this.picture(message);
    else if (message.type === "scene") {
      this.view.scene?.(message);
      this.settled();
    } else if (message.type === "slow") this.view.slow?.(message.name, message.value);
    else if (message.type === "event") this.view.event?.(message);
    else if (message.type === "error") {
      this.stage.warn(message.why);
      this.settled();
    } else if (message.type === "done") this.end(message.why);
  }

  // A hidden tab draws nothing, acknowledges nothing, and so nothing is computed for it.
  picture(message) {
    requestAnimationFrame(() => {
      if (message.gen !== this.gen) return;
      this.frame = message;
      this.view.frame(message);
      this.report(message);
      setTimeout(() => this.send({ type: "ack", gen: message.gen, frame: message.frame }), reducedMotion() ? 500 : 0);
      if (this.restarts) {
        this.restarts = false;
        this.start();
      }
    });
  }

  report({ update, loss }) {
    const now = performance.now();
    this.times = [...this.times.filter((time) => now - time < 2000), now];
    const rate = this.running && this.times.length > 2 ? ` · ${figures((1000 * (this.times.length - 1)) / (now - this.times[0]), 2)} frames/s` : "";
    this.stage.status(`update ${update} · loss ${figures(loss?.at(-1), 4)}${rate} · ${KINDS[this.stage.transport.kind]}`);
  }

  end(why) {
    this.ended = why !== "idle";
    this.show(false);
    this.stage.warn(ENDS[why] ?? why, why === "diverged");
    this.stage.describe();
    this.view.done?.(why);
  }
}

export function kindInWords(kind) {
  return KINDS[kind];
}
