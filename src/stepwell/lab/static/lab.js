// The lab itself: its header, one page at a time, addresses, themes, and the transport that all pages share.

import { adopted, parsed } from "./address.js";
import { element, seldom, set } from "./dom.js";
import { kindInWords } from "./runner.js";
import { Stage } from "./stage.js";
import { NotebookTransport } from "./transport.js";

export class Lab {
  // transports: the first one that serves a page is used, the others where it is lost.
  constructor(root, pages, transports, { header = true, address = true } = {}) {
    Object.assign(this, { root, pages, transports, address, online: new Map() });
    root.classList.add("lab");
    element("a", { class: "skip", href: "#main" }, root, "to the page");
    if (header) this.header();
    this.main = element("main", { id: "main", tabindex: "-1" }, root);
    this.live = element("p", { class: "unseen", "aria-live": "polite" }, root);
    this.announce = seldom(2000, (text) => {
      this.live.textContent = text;
    });
    for (const transport of transports) transport.on((message) => this.receive(transport, message));
    if (!address) return;
    window.addEventListener("hashchange", () => this.follow());
    document.addEventListener("visibilitychange", () => this.entitle());
  }

  header() {
    const head = element("header", { class: "head" }, this.root);
    element("a", { class: "name", href: "#/" }, head, "stepwell lab");
    const menu = element("nav", { "aria-label": "pages" }, head);
    this.links = this.pages.map((page) => element("a", { href: `#/${page.slug}` }, menu, page.link));
    const theme = element("select", { "aria-label": "theme", class: "theme" }, head);
    for (const value of ["system", "light", "dark"]) element("option", { value }, theme, value);
    theme.value = remembered() ?? "system";
    theme.addEventListener("change", () => this.dress(theme.value));
    this.dress(theme.value);
    this.connection = element("span", { class: "connection", role: "status" }, head, "connecting…");
  }

  dress(theme) {
    this.root.dataset.theme = theme;
    remembered(theme);
  }

  // --- pages and addresses ---

  follow() {
    const { slug, given } = parsed(location.hash);
    const page = this.pages.find((other) => other.slug === slug) ?? this.pages[0];
    if (this.stage?.page === page && this.stage.written === location.hash) return;
    const { settings, notes } = adopted(page, given);
    this.open(page, settings, Object.keys(given).length === 0);
    if (notes.length) this.stage.warn(notes.join(" "));
  }

  open(page, settings, fresh = true) {
    this.stage?.leave();
    this.main.replaceChildren();
    this.links?.forEach((link, i) => set(link, { "aria-current": this.pages[i] === page ? "page" : null }));
    this.links?.[this.pages.indexOf(page)].scrollIntoView({ block: "nearest", inline: "center" });
    this.stage = new Stage(this, page, settings);
    this.stage.begin(fresh);
    if (this.address) this.entitle();
  }

  // A hidden tab draws nothing, so nothing is computed for it; its title says so.
  entitle() {
    const waits = document.hidden && this.stage.runner?.running;
    document.title = `${waits ? "waiting: " : ""}${this.stage.page.title} · stepwell lab`;
  }

  // --- transports ---

  receive(transport, message) {
    if (message.type === "hello") {
      this.online.set(transport, message.pages);
      if (transport.kind === "python") Object.assign(this, { lost: null, others: message.others });
      this.stage?.connected();
    } else if (message.type === "lost") {
      this.online.set(transport, []);
      this.lost = message.why;
      this.stage?.lost();
    } else if (message.type === "answer") this.stage?.answer(message);
    else if (transport === this.stage?.transport) this.stage.runner?.receive(message);
    this.showConnection();
  }

  // The first transport that serves a page; null as long as one before it may still answer.
  serving(page) {
    for (const transport of this.transports) {
      const slugs = this.online.get(transport);
      if (slugs === undefined) return null;
      if (slugs.includes(page.slug)) return transport;
    }
    return null;
  }

  showConnection() {
    if (!this.connection) return;
    const transport = this.stage?.transport ?? this.transports.find((other) => this.online.get(other)?.length);
    const others = transport?.kind === "python" && this.others ? ` · ${this.others + 1} pages open` : "";
    this.connection.textContent = transport ? kindInWords(transport.kind) + others : "disconnected";
    this.connection.dataset.kind = transport?.kind ?? "none";
  }
}

// One page in a cell of a notebook: what anywidget calls. Returns what it calls when the cell goes away.
export function renderCell(pages, model, root) {
  const transport = new NotebookTransport(model);
  const lab = new Lab(root, pages, [transport], { header: false, address: false });
  const dark = document.body.dataset.jpThemeLight === "false" || document.documentElement.classList.contains("dark");
  root.dataset.theme = dark ? "dark" : "light";
  const page = pages.find(({ slug }) => slug === model.get("page"));
  lab.open(page, { ...adopted(page, {}).settings, ...model.get("settings") });
  return () => {
    lab.stage.leave();
    transport.close();
  };
}

export function start(root, pages, transports) {
  const lab = new Lab(root, pages, transports);
  lab.follow();
  return lab;
}

function remembered(theme) {
  try {
    if (theme) localStorage.setItem("stepwell-theme", theme);
    return localStorage.getItem("stepwell-theme");
  } catch {
    return theme ?? null;
  }
}
