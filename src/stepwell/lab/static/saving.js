// Taking things away from a page: its address, its numbers, its picture, and the lines that make them in Python.

import { element } from "./dom.js";
import { withMirrors } from "./plane.js";

const STYLED = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "opacity", "fill-opacity", "font-size", "font-family", "font-weight", "paint-order"];

export function savingButtons(parent, stage) {
  const box = element("div", { class: "buttons" }, parent);
  const button = (words, action) => element("button", { type: "button", onclick: action }, box, words);
  const note = element("span", { class: "note", role: "status" });
  button("copy link", async () => {
    note.textContent = (await copied(location.href)) ? "copied" : location.href;
  });
  button("download data (JSON)", () => download(`${stage.page.slug}.json`, "application/json", JSON.stringify(stage.data(), null, 1)));
  button("download data (CSV)", () => download(`${stage.page.slug}.csv`, "text/csv", table(stage.data())));
  button("picture (SVG)", () => download(`${stage.page.slug}.svg`, "image/svg+xml", pictureOf(stage.figure)));
  button("picture (PNG)", () => savePixels(stage));
  const lines = element("pre", { class: "python", tabindex: "0", hidden: true });
  button("Python for this", async () => {
    lines.hidden = !lines.hidden;
    lines.textContent = pythonLines(stage.page, stage.settings);
    if (!lines.hidden) note.textContent = (await copied(lines.textContent)) ? "copied" : "";
  });
  parent.append(note, lines);
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function download(name, kind, content) {
  const href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type: kind }));
  element("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}

// One row per frame of a run; on other pages one row per point of every curve.
function table({ frames, curves }) {
  if (frames?.length) {
    const names = Object.keys(frames[0]);
    return [names, ...frames.map((frame) => names.map((name) => cell(frame[name])))].map((row) => row.join(",")).join("\n");
  }
  const rows = Object.entries(curves).flatMap(([name, { xs, ys }]) => xs.map((x, i) => [`"${name}"`, x, ys[i]].join(",")));
  return ["curve,x,y", ...rows].join("\n");
}

function cell(value) {
  return Array.isArray(value) ? `"${JSON.stringify(value)}"` : value ?? "";
}

export function pythonLines(page, settings) {
  return page.python.replace(/\{(\w+)\}/g, (whole, name) => {
    const setting = page.settings[name];
    return setting ? pythonValue(setting, settings[name], settings) : whole;
  });
}

function pythonValue(setting, value, settings) {
  if (setting.kind === "points") return `[${withMirrors(value).map(pythonNumber).join(", ")}]`;
  if (setting.kind === "numbers") {
    return `[${value.flatMap((x, i) => (settings[setting.beside][i][1] === 0 ? [x] : [x, x])).join(", ")}]`;
  }
  if (setting.kind === "choice") return setting.python[value] ?? JSON.stringify(value);
  if (setting.kind === "switch") return value ? "True" : "False";
  return setting.endless && value >= setting.high ? 'float("inf")' : String(value);
}

const pythonNumber = ([re, im]) => (im === 0 ? String(re) : `${re} ${im < 0 ? "-" : "+"} ${Math.abs(im)}j`);

// All panels as one drawing. Style sheets do not reach a saved file, so what they say is written into every element.
export function pictureOf(figure) {
  const area = figure.getBoundingClientRect();
  const parts = [...figure.querySelectorAll(".panel")].filter((panel) => panel.offsetParent).map((panel) => {
    const svg = panel.querySelector("svg");
    const at = svg.getBoundingClientRect();
    const copy = styled(svg);
    const title = panel.querySelector(".panel-title").textContent.replace(/&/g, "&amp;").replace(/</g, "&lt;");
    const [x, y] = [at.x - area.x, at.y - area.y];
    const style = getComputedStyle(panel.querySelector(".panel-title"));
    return `<text x="${x}" y="${y - 8}" font-family="sans-serif" font-size="13" fill="${style.color}">${title}</text><g transform="translate(${x} ${y})">${copy.innerHTML}</g>`;
  });
  const ground = getComputedStyle(document.body).backgroundColor;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${area.width}" height="${area.height}"><rect width="100%" height="100%" fill="${ground}"/>${parts.join("")}</svg>`;
}

function styled(svg) {
  const copy = svg.cloneNode(true);
  const [sources, targets] = [svg.querySelectorAll("*"), copy.querySelectorAll("*")];
  sources.forEach((source, i) => {
    const style = getComputedStyle(source);
    for (const name of STYLED) targets[i].setAttribute(name, style.getPropertyValue(name));
  });
  copy.querySelectorAll(".ring, .reach").forEach((node) => node.remove());
  return copy;
}

function savePixels(stage) {
  const text = pictureOf(stage.figure);
  const image = new Image();
  image.onload = () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [2 * image.width, 2 * image.height];
    const context = canvas.getContext("2d");
    context.scale(2, 2);
    context.drawImage(image, 0, 0);
    canvas.toBlob((blob) => download(`${stage.page.slug}.png`, "image/png", blob));
  };
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
}
