// Functions of two numbers: heat maps with a perceptually uniform ramp, and arrows.

import { drawn, set } from "./dom.js";

const RAMPS = new Map();

// values[row][column]: rows from low y to high y. The map fills the whole plot.
export function heat(plot, name, values, { low, high, bend = 1, signed = false }) {
  const [rows, columns] = [values.length, values[0].length];
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [columns, rows];
  const context = canvas.getContext("2d");
  const picture = context.createImageData(columns, rows);
  const colours = ramp(signed);
  for (let i = 0; i < rows; i += 1) {
    for (let j = 0; j < columns; j += 1) {
      const share = Math.min(1, Math.max(0, (values[i][j] - low) / (high - low))) ** bend;
      const colour = colours[Math.round((Number.isNaN(share) ? 1 : share) * 255)];
      picture.data.set([...colour, 255], 4 * ((rows - 1 - i) * columns + j));
    }
  }
  context.putImageData(picture, 0, 0);
  const href = canvas.toDataURL();
  const image = plot.put(name, "image", "heat", () => ({
    x: plot.box.left,
    y: plot.box.top,
    width: plot.box.right - plot.box.left,
    height: plot.box.bottom - plot.box.top,
    preserveAspectRatio: "none",
  }));
  set(image, { href });
  plot.inner.prepend(image);
  plot.frame.classList.add("mapped");
}

// 256 colours of evenly growing lightness, from deep blue to pale yellow; signed: blue, pale, orange.
function ramp(signed) {
  if (!RAMPS.has(signed)) {
    RAMPS.set(signed, Array.from({ length: 256 }, (_, i) => {
      const t = i / 255;
      if (!signed) return rgb(0.28 + 0.67 * t, 0.1 + 0.05 * Math.sin(Math.PI * t) - 0.03 * t, 265 - 165 * t);
      const side = Math.abs(2 * t - 1);
      return rgb(0.96 - 0.42 * side, 0.15 * side, t < 0.5 ? 245 : 50);
    }));
  }
  return RAMPS.get(signed);
}

// From lightness, chroma and hue of Oklab to the screen's red, green and blue.
function rgb(lightness, chroma, hue) {
  const turn = (hue * Math.PI) / 180;
  const [a, b] = [chroma * Math.cos(turn), chroma * Math.sin(turn)];
  const [l, m, s] = [
    (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3,
    (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3,
    (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3,
  ];
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((x) => Math.round(255 * Math.min(1, Math.max(0, x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055))));
}

// Arrows of one length on the screen; how fast they are shows in how dark they are. velocity(x, y) gives [u, v].
export function arrows(plot, name, velocity, count) {
  const { x, y } = plot.axes;
  const found = [];
  for (let i = 0; i < count; i += 1) {
    for (let j = 0; j < count; j += 1) {
      const at = [x.low + ((x.high - x.low) * (i + 0.5)) / count, y.low + ((y.high - y.low) * (j + 0.5)) / count];
      found.push([...at, ...velocity(...at)]);
    }
  }
  const speeds = found.map(([, , u, v]) => Math.hypot(u, v)).filter(Number.isFinite).sort((p, q) => p - q);
  const group = plot.put(name, "g", "arrows", () => ({}));
  const levels = 4;
  for (let level = 0; level < levels; level += 1) {
    const [from, to] = [level / levels, (level + 1) / levels].map((share) => speeds[Math.floor(share * (speeds.length - 1))]);
    const chosen = found.filter(([, , u, v]) => {
      const speed = Math.hypot(u, v);
      return speed >= from && (speed < to || level === levels - 1);
    });
    const path = group.children[level] ?? drawn("path", { class: `line speed${level}` }, group);
    set(path, { d: chosen.map((item) => arrowPath(plot, item, count)).join("") || "M0 0" });
  }
}

function arrowPath(plot, [x, y, u, v], count) {
  const [width, height] = [plot.box.right - plot.box.left, plot.box.bottom - plot.box.top];
  const [a, b] = [(u * width) / (plot.axes.x.high - plot.axes.x.low), (-v * height) / (plot.axes.y.high - plot.axes.y.low)];
  const size = Math.hypot(a, b);
  if (!(size > 0)) return "";
  const reach = (Math.min(width, height) / count) * 0.4;
  const [p, q] = [(a / size) * reach, (b / size) * reach];
  const [cx, cy] = [plot.X(x), plot.Y(y)];
  const [tipX, tipY] = [cx + p, cy + q];
  const wing = (side) => `L${(tipX - 0.55 * p - side * 0.4 * q).toFixed(1)} ${(tipY - 0.55 * q + side * 0.4 * p).toFixed(1)}`;
  const tip = `${tipX.toFixed(1)} ${tipY.toFixed(1)}`;
  return `M${(cx - p).toFixed(1)} ${(cy - q).toFixed(1)}L${tip}${wing(1)}M${tip}${wing(-1)}`;
}
