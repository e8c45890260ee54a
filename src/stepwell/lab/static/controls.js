// Controls made from a page's table of settings: sliders with fields, choices, switches, and rows of points.

import { clamp, element, set } from "./dom.js";

const STEPS = 1000;

export class Controls {
  // changed(changes) is called with new values that are in range.
  constructor(parent, page, changed) {
    Object.assign(this, { page, changed, shown: new Map(), boxes: new Map(), ticks: new Map() });
    this.row = element("div", { class: "controls" }, parent);
    this.more = null;
    for (const [name, setting] of Object.entries(page.settings)) {
      const make = { number: this.number, choice: this.choice, switch: this.toggle }[setting.kind];
      if (make) make.call(this, setting.more ? this.hidden() : this.row, name, setting);
    }
    if (this.more) this.row.append(this.more);
  }

  hidden() {
    if (!this.more) {
      this.more = element("details", { class: "more" }, this.row);
      element("summary", {}, this.more, "more settings");
      this.inside = element("div", { class: "controls" }, this.more);
    }
    return this.inside;
  }

  show(settings) {
    for (const [name, show] of this.shown) show(settings[name]);
  }

  number(parent, name, setting) {
    const box = element("div", { class: "control" }, parent);
    const slider = element("input", { type: "range", min: 0, max: STEPS, "aria-label": setting.label });
    const field = numberField(box, setting.label, setting, (value) => this.changed({ [name]: value }));
    box.append(slider);
    this.boxes.set(name, box);
    slider.addEventListener("input", () => {
      const value = tidy(fromShare(slider.value / STEPS, setting), setting);
      if (value !== this.now(name)) this.changed({ [name]: value });
    });
    this.shown.set(name, (value) => {
      const endless = setting.endless && value >= setting.high;
      slider.value = Math.round(toShare(value, setting) * STEPS);
      set(slider, { "aria-valuetext": endless ? "infinite" : String(value) });
      field.show(endless ? "∞" : value);
      this.latest = { ...this.latest, [name]: value };
    });
  }

  now(name) {
    return this.latest?.[name];
  }

  // A tick on a slider, with a word: where a bound lies.
  mark(name, value, words) {
    const setting = this.page.settings[name];
    const tick = this.ticks.get(name) ?? element("span", { class: "bound" }, this.boxes.get(name));
    this.ticks.set(name, tick);
    const share = toShare(clamp(value, setting.low, setting.high), setting);
    tick.style.left = `calc(8px + ${share} * (100% - 16px))`;
    tick.classList.toggle("leftward", share > 0.5);
    tick.textContent = words;
  }

  choice(parent, name, setting) {
    const box = element("label", { class: "control" }, parent);
    element("span", { class: "control-name" }, box, setting.label);
    const select = element("select", {}, box);
    for (const [value, words] of Object.entries(setting.options)) element("option", { value }, select, words);
    select.addEventListener("change", () => this.changed({ [name]: select.value }));
    this.shown.set(name, (value) => {
      select.value = value;
    });
  }

  toggle(parent, name, setting) {
    const box = element("label", { class: "control switch" }, parent);
    const input = element("input", { type: "checkbox" }, box);
    element("span", { class: "control-name" }, box, setting.label);
    input.addEventListener("change", () => this.changed({ [name]: input.checked }));
    this.shown.set(name, (value) => {
      input.checked = value;
    });
  }
}

// A visible row of fields for every point, so that nothing needs dragging; beside it its number, if it has one.
export class PointRows {
  constructor(parent, { label, points, numbers = null, changed, add, remove }) {
    Object.assign(this, { label, points, numbers, changed, rows: [] });
    this.box = element("div", { class: "points" }, parent);
    this.list = element("div", {}, this.box);
    this.remove = remove;
    this.plus = element("button", { type: "button", class: "quiet", onclick: add }, this.box, `+ ${label}`);
  }

  show(points, numbers = []) {
    while (this.rows.length > points.length) this.rows.pop().box.remove();
    while (this.rows.length < points.length) this.rows.push(this.row(this.rows.length));
    [this.values, this.beside] = [points, numbers];
    points.forEach(([re, im], i) => {
      const { fields, cut } = this.rows[i];
      fields[0].show(re);
      fields[1].show(im);
      fields[2]?.show(numbers[i]);
      set(cut, { disabled: points.length <= this.points.least });
    });
    set(this.plus, { disabled: points.length >= this.points.most });
  }

  row(i) {
    const box = element("div", { class: "point" }, this.list);
    element("span", { class: "point-name" }, box, `${this.label} ${i + 1}`);
    const part = { low: -this.points.reach, high: this.points.reach };
    const place = (k) => (value) => this.changed(this.values.map((z, j) => (j === i ? z.map((x, l) => (l === k ? value : x)) : z)), this.beside);
    const fields = [
      numberField(box, `${this.label} ${i + 1}, real part`, part, place(0), "Re"),
      numberField(box, `${this.label} ${i + 1}, imaginary part`, part, place(1), "Im"),
    ];
    if (this.numbers) {
      const change = (value) => this.changed(this.values, this.beside.map((x, j) => (j === i ? value : x)));
      fields.push(numberField(box, `${this.label} ${i + 1}, residue`, this.numbers, change, "r"));
    }
    const cut = element("button", { type: "button", class: "quiet", "aria-label": `delete ${this.label} ${i + 1}` }, box, "×");
    cut.addEventListener("click", () => this.remove(i));
    return { box, fields, cut };
  }
}

function numberField(parent, label, setting, changed, short = null) {
  const box = element("label", { class: short ? "field" : "control-head" }, parent);
  element("span", { class: "control-name", "aria-hidden": short ? "true" : null }, box, short ?? label);
  const field = element("input", { type: "text", inputmode: "decimal", autocomplete: "off", "aria-label": label }, box);
  let now = null;
  const accept = () => {
    const text = field.value.replace("−", "-").replace(",", ".").trim();
    const value = text === "∞" ? setting.high : Number(text);
    if (text === "" || !Number.isFinite(value)) show(now);
    else if (clamp(value, setting.low, setting.high) !== now) changed(whole(clamp(value, setting.low, setting.high), setting));
    else show(now);
  };
  const show = (value) => {
    now = value;
    field.value = typeof value === "number" ? String(Number(value.toPrecision(5))).replace("-", "−") : value;
  };
  field.addEventListener("change", accept);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") accept();
  });
  return { show };
}

const whole = (value, setting) => (setting.whole ? Math.round(value) : value);

function fromShare(share, { low, high, log }) {
  return log ? low * (high / low) ** share : low + (high - low) * share;
}

function toShare(value, { low, high, log }) {
  return log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}

function tidy(value, setting) {
  if (setting.whole) return Math.round(value);
  const digits = setting.log ? Number(value.toPrecision(3)) : Number(value.toFixed(Math.max(0, 3 - Math.floor(Math.log10(setting.high - setting.low)))));
  return clamp(digits, setting.low, setting.high);
}
