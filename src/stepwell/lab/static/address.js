// A page and all its settings as an address, and back.

import { clamp } from "./dom.js";

export function addressOf(page, settings) {
  const parts = Object.entries(settings).map(([name, value]) => `${name}=${encodeURIComponent(written(value))}`);
  return `#/${page.slug}?${parts.join("&")}`;
}

function written(value) {
  return Array.isArray(value) ? value.map((part) => (Array.isArray(part) ? part.join(",") : part)).join(";") : String(value);
}

export function parsed(hash) {
  const [slug, query = ""] = hash.replace(/^#\/?/, "").split("?");
  return { slug, given: Object.fromEntries(new URLSearchParams(query)) };
}

// Settings from an address: unknown names are ignored, values out of range become the nearest allowed ones, with a note.
export function adopted(page, given) {
  const [settings, notes] = [{}, []];
  for (const [name, setting] of Object.entries(page.settings)) {
    const value = name in given ? read(setting, given[name]) : null;
    settings[name] = value ?? setting.default;
    if (name in given && (value === null || written(value) !== given[name])) notes.push(`${setting.label} in the address was out of range.`);
  }
  const odd = Object.entries(page.settings).find(([name, { kind, beside }]) => kind === "numbers" && settings[name].length !== settings[beside].length);
  if (odd) for (const name of [odd[0], odd[1].beside]) settings[name] = page.settings[name].default;
  return { settings, notes };
}

function read(setting, text) {
  if (setting.kind === "choice") return text in setting.options ? text : null;
  if (setting.kind === "switch") return text === "true";
  const numbers = (part) => part.split(",").map(Number);
  if (setting.kind === "points" || setting.kind === "numbers") {
    const found = text === "" ? [] : text.split(";").map((part) => (setting.kind === "points" ? numbers(part) : Number(part)));
    const fine = found.flat().every((x) => Number.isFinite(x) && Math.abs(x) <= 20) && found.every((z) => !Array.isArray(z) || z.length === 2);
    return fine && found.length <= (setting.most ?? 8) && found.length >= (setting.least ?? 0) ? found : null;
  }
  const value = Number(text);
  if (!Number.isFinite(value)) return null;
  const near = clamp(value, setting.low, setting.high);
  return setting.whole ? Math.round(near) : near;
}
