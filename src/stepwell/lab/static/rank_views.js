// Page 9: the rank of the weight change, in a linear network and in recorded runs on tasks.

import { clamp, element, figures } from "./dom.js";
import { rankFlow } from "./flows.js";
import { Handle } from "./handle.js";
import { Plot } from "./plot.js";
import { roundUp } from "./transfer_views.js";

const TIES = ["solid", "dashed"];

export class RankView {
  constructor(stage) {
    this.stage = stage;
    const { left, right } = stage.columns("even");
    this.output = new Plot(left, { title: "A linear network learns an output", height: 210, x: { name: "learning time", low: 0, high: 1 }, y: { name: "output", low: 0, high: 2 } });
    this.entries = new Plot(left, { title: "Entries of the change", height: 190, x: { name: "learning time", low: 0, high: 1 }, y: { name: "", low: 0, high: 1 } });
    this.singular = new Plot(right, { title: "Its singular values", height: 210, x: { name: "learning time", low: 0, high: 1 }, y: { name: "", low: 0, high: 1 } });
    this.words = element("p", { class: "words" }, right);
    this.handle = new Handle(this.output, {
      label: "moment", shape: "disc", size: 7, style: "ball",
      move: (x) => stage.set({ moment: this.shareAt(x) }),
    });
    this.tasks();
  }

  tasks() {
    const { left, right } = this.stage.columns("even");
    this.spectrum = new Plot(left, { title: "Singular values of the change", height: 200, x: { name: "index", low: 0.5, high: 11.5 }, y: { name: "", low: 0, high: 1 } });
    this.truncated = new Plot(left, { title: "Loss with R directions", height: 210, x: { name: "R", low: 0, high: 25 }, y: { name: "loss/initial", low: 1e-4, high: 4, log: true } });
    this.knob = new Handle(this.truncated, {
      label: "rank R", shape: "disc", size: 7, style: "ball", step: 1,
      move: (x) => this.stage.set({ rank: clamp(Math.round(x), 0, 25) }),
    });
    this.trial = new Plot(right, { title: "Output with R directions", height: 250, x: { name: "step", low: 0, high: 99 }, y: { name: "output", low: -0.8, high: 0.8 } });
    this.learning = new Plot(right, { title: "Loss while it learned", height: 150, x: { name: "update", low: 0, high: 1000 }, y: { name: "loss", low: 1e-4, high: 0.2, log: true } });
    this.about = element("p", { class: "words" }, right);
  }

  // --- the linear network ---

  draw(settings = this.stage.settings) {
    const asked = settings.g > 0 && this.stage.ask((answer) => this.linear(settings, answer));
    if (!asked) this.linear(settings, exact(settings.target));
    this.task(settings);
  }

  linear({ target, moment }, flow) {
    this.flow = flow;
    const end = flow.times.at(-1);
    for (const plot of [this.output, this.entries, this.singular]) plot.range("x", 0, end);
    this.output.range("y", 0, target * 1.1);
    this.output.rule("target", "y", target, "dashed level", "target", false);
    this.output.line("output", flow.times, flow.outputs, "pole", "output");
    const most = roundUp(Math.max(...flow.singular.map(([s]) => s)) * 1.02);
    this.singular.range("y", 0, most);
    [0, 1].forEach((k) => this.singular.line(`s${k}`, flow.times, flow.singular.map((s) => s[k]), `mode${k + 1} ${TIES[k]}`, `s${"₁₂"[k]}`));
    this.drawEntries(flow);
    const at = flow.outputs.findIndex((z) => z >= moment * target * 0.99999);
    const i = at < 0 ? flow.outputs.length - 1 : at;
    this.handle.show(flow.times[i], flow.outputs[i], `output ${figures(flow.outputs[i])}`);
    this.singular.dots("now", [0, 1].map((k) => [flow.times[i], flow.singular[i][k]]), "ball filled", "disc", 4);
    this.singular.rule("now-line", "x", flow.times[i], "guide");
    const nuclear = flow.nuclear?.[i];
    this.stage.status(`output ${figures(flow.outputs[i], 4)} · singular values ${figures(flow.singular[i][0], 6)}, ${figures(flow.singular[i][1], 4)}${nuclear ? ` · nuclear norm ν = ${figures(nuclear, 6)}` : ""}`);
    this.singular.describe(this.stage.statusNode.textContent);
  }

  drawEntries({ times, entries }) {
    this.entries.forgetNames();
    const names = ["A₁₁ = A₂₂", "A₁₂", "A₂₁"];
    names.forEach((name, k) => this.entries.line(`a${k}`, times, entries ? entries.map((a) => a[k]) : [], `mode${k + 1} ${["dashed", "solid", "dash-dot"][k]}`, entries ? name : null));
    if (entries) this.entries.range("y", 0, roundUp(Math.max(...entries.at(-1)) * 1.02));
    this.words.textContent = entries
      ? "A₁₂ leads from input to readout and is learned first; the others follow in second and third order."
      : "With random weights the entries are no longer two-by-two; the two leading singular values still carry nearly all.";
  }

  shareAt(time) {
    const { times, outputs } = this.flow;
    const i = Math.max(0, times.findIndex((t) => t >= time));
    const z = time >= times.at(-1) ? outputs.at(-1) : outputs[i];
    return Number(clamp(z / this.stage.settings.target, 0, 0.999).toFixed(4));
  }

  play(share) {
    this.draw({ ...this.stage.settings, moment: Math.min(0.999, share * 1.05), rank: Math.round(8 * (1 - share)) });
  }

  // --- recorded tasks ---

  scene() {}

  slow(name, value) {
    this.recorded = value;
    this.task(this.stage.settings);
  }

  task({ task, rank }) {
    const runs = this.recorded?.[task];
    if (!runs) {
      this.about.textContent = this.recorded ? "The recorded runs are not installed." : "";
      return;
    }
    const most = roundUp(Math.max(...runs.flatMap(({ singular }) => singular)));
    this.spectrum.range("y", 0, most);
    this.trial.range("x", 0, runs[0].target.length - 1);
    runs.forEach((run, i) => this.run(run, i, rank));
    this.learning.range("x", 0, runs[0].updates.at(-1));
    const chosen = runs[1] ?? runs[0];
    this.knob.show(rank, clamp(chosen.truncated[rank], 1e-4, 4), `R = ${rank}, loss ${figures(chosen.truncated[rank])} of the initial one`);
    this.about.textContent = runs.map(({ g, functional, norm, initial_norm: start, shuffled }) => `g = ${g}: rank ${functional.join(" to ")}, norm of the change ${figures(norm)}${start ? ` (random weights ${figures(start)})` : ""}, loss after shuffling the random weights ${figures(shuffled)} of the initial one`).join(". ") + ".";
    this.truncated.describe(this.about.textContent);
  }

  run({ g, singular, truncated, updates, loss, target, outputs }, i, rank) {
    const [style, label] = [`mode${i + 1} ${TIES[i]}`, `g = ${g}`];
    this.spectrum.line(`s${i}`, singular.map((_, k) => k + 1), singular, style, label);
    this.spectrum.dots(`d${i}`, singular.map((s, k) => [k + 1, s]), `mode${i + 1} thick`, i ? "square" : "disc", 3);
    this.truncated.line(`l${i}`, truncated.map((_, R) => R), truncated.map((x) => clamp(x, 1e-4, 4)), style, label);
    this.truncated.rule("five", "y", 0.05, "dashed level", "5 %");
    this.learning.line(`l${i}`, updates, loss, style, label);
    if (i !== 1) return;
    const steps = target.map((_, t) => t);
    target[0].forEach((_, k) => {
      this.trial.line(`target${k}`, steps, target.map((row) => row[k]), "target", k ? null : "target");
      this.trial.line(`output${k}`, steps, outputs[rank].map((row) => row[k]), `mode${k + 1} ${TIES[k]}`, `output ${k + 1}`);
    });
    for (let k = target[0].length; k < 2; k += 1) this.trial.remove(`target${k}`, `output${k}`);
  }
}

function exact(target) {
  const { times, nuclear, states } = rankFlow(target);
  return {
    times, nuclear,
    outputs: states.map(({ output }) => output),
    singular: states.map(({ singular }) => singular),
    entries: states.map(({ entries }) => entries.slice(0, 3)),
  };
}
