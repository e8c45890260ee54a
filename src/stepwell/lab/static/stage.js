// One page on the stage: its words, its settings, its view, and the run that feeds it.

import { addressOf } from "./address.js";
import { Controls } from "./controls.js";
import { clamp, element, painter, reducedMotion, seldom } from "./dom.js";
import { RankView } from "./rank_views.js";
import { RuleRankView, RulesView } from "./rule_views.js";
import { Runner } from "./runner.js";
import { savingButtons } from "./saving.js";
import { GhostView, LatentView } from "./ghost_views.js";
import { DwellView, PlateausView } from "./plateau_views.js";
import { PolesView, ResidueView, SaddleView } from "./transfer_views.js";
import { TrainingView } from "./training_views.js";

export const VIEWS = {
  poles: PolesView,
  residue: ResidueView,
  saddle: SaddleView,
  training: TrainingView,
  plateaus: PlateausView,
  dwell: DwellView,
  ghost: GhostView,
  latent: LatentView,
  rank: RankView,
  rules: RulesView,
  "rule-rank": RuleRankView,
};

export class Stage {
  constructor(lab, page, settings) {
    Object.assign(this, { lab, page, settings, runner: null, transport: null, seq: 0, asked: false });
    this.article = element("article", { class: page.streams ? "page streams" : "page" }, lab.main);
    const head = element("div", { class: "words-above" }, this.article);
    element("h1", {}, head, page.title);
    element("p", { class: "claim" }, head).innerHTML = page.claim;
    if (page.condition) element("p", { class: "condition" }, head).innerHTML = page.condition;
    this.presets();
    const panel = element("section", { class: "panel-above", "aria-label": "controls" }, this.article);
    this.bar = element("div", { class: "bar" }, panel);
    this.controls = new Controls(panel, page, (changes) => this.set(changes));
    const line = element("p", { class: "lines" }, panel);
    this.badgeNode = element("strong", { class: "badge" }, line);
    this.statusNode = element("span", { class: "status" }, line);
    this.warning = element("span", { class: "warning", role: "alert" }, line);
    this.figure = element("section", { class: "figure", "aria-label": "picture" }, this.article);
    this.paint = painter(() => this.view.draw());
    this.write = seldom(250, () => this.writeAddress());
    this.view = new VIEWS[page.slug](this);
    this.below();
  }

  // Two columns of panels: a plane and its plots, or two of one width.
  columns(style = "") {
    const row = element("div", { class: `row ${style}` }, this.figure);
    return { left: element("div", { class: "left" }, row), right: element("div", { class: "right" }, row) };
  }

  thirds() {
    const row = element("div", { class: "row thirds" }, this.figure);
    return [0, 1, 2].map(() => element("div", { class: "third" }, row));
  }

  presets() {
    const box = element("div", { class: "presets", role: "group", "aria-label": "presets" }, this.article);
    for (const [words, settings] of Object.entries(this.page.presets)) {
      element("button", { type: "button", class: "chip", onclick: () => this.set(settings) }, box, words);
    }
  }

  below() {
    const box = element("section", { class: "below" }, this.article);
    element("h2", {}, box, "What to look for");
    const list = element("ol", { class: "look" }, box);
    this.look = this.page.look.map((text) => {
      const item = element("li", {}, list);
      item.innerHTML = text;
      return item;
    });
    const formula = element("div", { class: "formula", tabindex: "0", role: "group", "aria-label": "formulas" }, box);
    for (const text of this.page.formula) element("div", {}, formula).innerHTML = text;
    element("h2", {}, box, "Take it away");
    savingButtons(box, this);
    element("p", { class: "source" }, box, `Source: ${this.page.source}.`);
  }

  // --- settings ---

  set(changes) {
    this.stop();
    this.warn("");
    this.settings = { ...this.settings, ...changes };
    this.controls.show(this.settings);
    this.paint();
    this.write();
    if (this.runner && this.transport) this.runner.settle(changes);
  }

  writeAddress() {
    if (!this.lab.address || this.lab.stage !== this) return;
    this.written = addressOf(this.page, this.settings);
    history.replaceState(null, "", this.written);
  }

  // --- a page begins, and plays once by itself ---

  begin(fresh) {
    this.controls.show(this.settings);
    this.view.draw();
    if (this.page.streams || this.view.scene) this.runner = new Runner(this, this.view, this.bar);
    this.autoplay = fresh && !reducedMotion();
    if (this.view.play) {
      this.playButton = element("button", { type: "button", class: "primary", onclick: () => (this.playing ? this.stop(true) : this.play()) }, this.bar, "play");
      if (this.autoplay) this.play();
    }
    this.connected();
    this.lab.root.dataset.ready = this.page.slug;
  }

  play(seconds = 5) {
    const [began, pace] = [performance.now(), reducedMotion() ? 500 : 0];
    let last = -Infinity;
    this.playing = true;
    this.playButton.textContent = "stop";
    const step = (now) => {
      if (!this.playing) return;
      const share = clamp((now - began) / (1000 * seconds), 0, 1);
      if (share >= 1) this.stop(true);
      else if (now - last >= pace) {
        last = now;
        this.view.play(share);
      }
      if (this.playing) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  stop(redraw = false) {
    if (!this.playing) return;
    this.playing = false;
    this.playButton.textContent = "play";
    if (redraw) this.view.draw();
  }

  // --- the transport ---

  // A transport has come: a run that goes on here is left alone, and taken over at its next reset.
  connected() {
    const transport = this.lab.serving(this.page);
    if (this.lab.lost && transport?.kind !== "python") this.offline(transport);
    if (!transport || (transport === this.transport && transport.kind !== "python")) return;
    if (this.transport?.kind === "browser" && this.runner?.running) {
      this.warn("Python is back: the next reset goes on with it.", false);
      return;
    }
    this.adopt(transport);
    this.runner?.open(this.autoplay);
    this.autoplay = false;
    this.paint();
  }

  adopt(transport) {
    Object.assign(this, { transport, asked: false });
    if (transport.kind === "python" && this.warning.dataset.offline) this.warn("");
    transport.send({ type: "open", page: this.page.slug });
    this.lab.showConnection();
  }

  lost() {
    if (this.transport && this.transport.kind !== "python") return;
    this.transport = null;
    this.runner?.show(false);
    this.connected();
  }

  offline(other) {
    const [runs, here] = [this.page.streams || this.view.scene, other?.kind === "browser"];
    this.warn(`Disconnected: ${this.lab.lost}. ${here ? "The run is computed by the browser." : runs ? "What Python computes waits for it." : "This page goes on without it."}`);
    this.warning.dataset.offline = "yes";
  }

  // Asks Python about the present settings; false if it is not there. One question is under way at a time; of those
  // that wait the latest is asked.
  ask(answered) {
    if (!["python", "notebook"].includes(this.transport?.kind)) {
      if (this.transport || !this.lab.transports.some(({ kind }) => kind === "python")) this.warn("This setting needs Python: open it in stepwell lab.");
      return false;
    }
    this.answered = answered;
    this.pending = this.asked;
    if (this.asked) return true;
    this.asked = true;
    this.seq += 1;
    this.transport.send({ type: "ask", seq: this.seq, settings: this.settings });
    return true;
  }

  answer(message) {
    this.asked = false;
    if (message.seq === this.seq) this.answered?.(message);
    if (this.pending) {
      this.pending = false;
      this.ask(this.answered);
    }
  }

  leave() {
    this.stop();
    if (this.runner?.running) this.runner.pause();
  }

  // --- words ---

  status(text) {
    this.statusNode.textContent = text;
  }

  badge(text, alarming = true) {
    this.badgeNode.textContent = text;
    this.badgeNode.classList.toggle("calm", !alarming);
  }

  warn(text, alarming = true) {
    if (this.warning.textContent !== text) this.warning.textContent = text;
    this.warning.classList.toggle("alarming", alarming);
    delete this.warning.dataset.offline;
  }

  say(text) {
    this.lab.announce(text);
  }

  achieve(i) {
    this.look?.[i]?.classList.add("seen");
  }

  forget() {
    for (const item of this.look ?? []) item.classList.remove("seen");
  }

  describe() {
    this.view.sentences?.();
  }

  data() {
    const plots = Object.values(this.view).filter((part) => part?.series instanceof Map);
    const curves = plots.flatMap((plot) => [...plot.series].map(([label, { xs, ys }]) => [`${plot.title}: ${label}`, { xs, ys }]));
    return { page: this.page.slug, settings: this.settings, version: this.page.version, curves: Object.fromEntries(curves), frames: this.view.history };
  }
}
