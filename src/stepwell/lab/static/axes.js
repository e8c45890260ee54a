// Scales and their ticks: at 1, 2 or 5 times a power of ten, at most five; whole decades on logarithmic axes.

import { figures, raised } from "./dom.js";

export function scale(low, high, from, to, log = false) {
  const turn = log ? (value) => Math.log10(Math.max(value, 1e-300)) : (value) => value;
  const [start, span] = [turn(low), turn(high) - turn(low) || 1];
  const place = (value) => from + ((turn(value) - start) / span) * (to - from);
  place.back = (pixel) => {
    const value = start + ((pixel - from) / (to - from)) * span;
    return log ? 10 ** value : value;
  };
  return place;
}

export function ticks(low, high, log = false, most = 5) {
  if (log) return decades(low, high, most);
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i += 1) found.push(i * step);
  return found.map((value) => ({ value, text: figures(Number(value.toPrecision(12)), 4) }));
}

function decades(low, high, most) {
  if (high / low < 30) return fine(low, high);
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const step = Math.max(1, Math.ceil((last - first + 1) / most));
  const found = [];
  for (let power = first; power <= last; power += 1) {
    if ((power - first) % step === 0) found.push({ value: 10 ** power, text: decadeText(power) });
  }
  return found;
}

// Less than a decade and a half: 1, 2 and 5 times each power.
function fine(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power += 1) {
    for (const factor of [1, 2, 5]) {
      const value = Number((factor * 10 ** power).toPrecision(6));
      if (value >= low * 0.999 && value <= high * 1.001) found.push({ value, text: figures(value, 2) });
    }
  }
  return found;
}

function decadeText(power) {
  return power >= -1 && power <= 3 ? String(Number((10 ** power).toPrecision(1))) : `10${raised(power)}`;
}

// Indices that stand for a curve: no more than `most`, the ends always among them.
export function thinned(length, most = 500) {
  if (length <= most) return Array.from({ length }, (_, i) => i);
  return Array.from({ length: most }, (_, i) => Math.round((i * (length - 1)) / (most - 1)));
}
