// Elements, numbers in words, and drawing at most once per picture of the screen.

const SVG = "http://www.w3.org/2000/svg";
let serial = 0;

export function element(name, attributes = {}, parent = null, text = null) {
  return made(document.createElement(name), attributes, parent, text);
}

export function drawn(name, attributes = {}, parent = null, text = null) {
  return made(document.createElementNS(SVG, name), attributes, parent, text);
}

function made(node, attributes, parent, text) {
  set(node, attributes);
  if (text !== null) node.textContent = text;
  if (parent) parent.append(node);
  return node;
}

export function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) node.removeAttribute(name);
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  return node;
}

export function unique(prefix) {
  serial += 1;
  return `${prefix}${serial}`;
}

export const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

// A number for people: few digits, a true minus sign, powers of ten with raised exponents.
export function figures(value, digits = 3) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) {
    const power = Math.floor(Math.log10(size) + 1e-12);
    const front = Number((value / 10 ** power).toPrecision(Math.max(1, digits - 1)));
    return `${front === 1 ? "" : `${front} × `}10${raised(power)}`.replace("-", "−");
  }
  return String(Number(value.toPrecision(digits))).replace("-", "−");
}

export function raised(power) {
  return [...String(power)].map((sign) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign] ?? "⁻").join("");
}

export function complexFigures([re, im], digits = 3) {
  if (im === 0) return figures(re, digits);
  return `${figures(re, digits)} ${im < 0 ? "−" : "+"} ${figures(Math.abs(im), digits)} i`;
}

// Draws at once, and then not again before the screen has shown it: however often it is called.
export function painter(draw) {
  let [busy, again] = [false, false];
  return function paint() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    draw();
    requestAnimationFrame(() => {
      busy = false;
      if (again) {
        again = false;
        paint();
      }
    });
  };
}

// Calls at most once per interval, the last call always.
export function seldom(milliseconds, action) {
  let [timer, last] = [null, 0];
  return (...values) => {
    clearTimeout(timer);
    const wait = Math.max(0, last + milliseconds - performance.now());
    timer = setTimeout(() => {
      last = performance.now();
      action(...values);
    }, wait);
  };
}
