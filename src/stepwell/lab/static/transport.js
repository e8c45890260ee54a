// Where frames come from. All transports have the same shape: {kind, send(message), on(callback), close()}.

export const PROTOCOL = 1;
const LONGEST_WAIT = 30;

export class SocketTransport {
  constructor() {
    Object.assign(this, { kind: "python", callback: () => {}, socket: null, wait: 1, closed: false });
  }

  on(callback) {
    this.callback = callback;
    this.connect();
  }

  connect() {
    if (typeof WebSocket === "undefined") {
      this.callback({ type: "lost", why: "this browser has no WebSocket" });
      return;
    }
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => this.receive(data));
    socket.addEventListener("close", ({ reason }) => {
      if (this.closed || this.socket !== socket) return;
      this.callback({ type: "lost", why: reason || "the server does not answer" });
      setTimeout(() => this.connect(), 1000 * this.wait);
      this.wait = Math.min(LONGEST_WAIT, 2 * this.wait);
    });
    this.socket = socket;
  }

  receive(data) {
    const message = typeof data === "string" ? JSON.parse(data) : unpacked(data);
    if (message.type === "hello") this.wait = 1;
    if (message.type === "hello" && message.protocol !== PROTOCOL) {
      this.close();
      this.callback({ type: "lost", why: `the server speaks protocol ${message.protocol}, this page ${PROTOCOL}: load it again` });
    } else this.callback(message);
  }

  send(message) {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(message));
  }

  close() {
    this.closed = true;
    this.socket?.close();
  }
}

// A header and its arrays in one buffer; see wire.py.
export function unpacked(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return withArrays(header, [new Float32Array(buffer, 4 + length)]);
}

// Puts each listed array back under its name, as nested lists. `buffers`: one for all arrays, or one for each.
export function withArrays({ arrays = [], ...message }, buffers) {
  let start = 0;
  arrays.forEach(({ name, shape }, i) => {
    const [size, own] = [shape.reduce((a, b) => a * b, 1), buffers.length === arrays.length && i > 0];
    const source = own ? buffers[i] : buffers[0];
    message[name] = nested(source, own ? 0 : start, shape);
    start += size;
  });
  return message;
}

function nested(values, start, shape) {
  const [length, ...rest] = shape;
  if (!rest.length) return Array.from(values.subarray(start, start + length));
  const size = rest.reduce((a, b) => a * b, 1);
  return Array.from({ length }, (_, i) => nested(values, start + i * size, rest));
}

// The messages of a Jupyter or marimo kernel through anywidget's model.
export class NotebookTransport {
  constructor(model) {
    Object.assign(this, { kind: "notebook", model });
  }

  on(callback) {
    this.listener = (header, buffers) => {
      callback(withArrays(header, (buffers ?? []).map((part) => new Float32Array(part.buffer.slice(part.byteOffset, part.byteOffset + part.byteLength)))));
    };
    this.model.on("msg:custom", this.listener);
    this.model.send({ type: "greet" });
  }

  send(message) {
    this.model.send(message);
  }

  close() {
    this.send({ type: "leave" });
    this.model.off("msg:custom", this.listener);
  }
}

// Frames that were made beforehand, played back under the same protocol.
export class RecordedTransport {
  constructor(runs) {
    Object.assign(this, { kind: "recorded", runs, gen: 0, at: 0, running: false, drawn: true });
  }

  on(callback) {
    this.callback = callback;
    setTimeout(() => callback({ type: "hello", protocol: PROTOCOL, pages: Object.keys(this.runs) }));
  }

  send(message) {
    const run = this.runs[this.page] ?? null;
    if (message.type === "open") this.page = message.page;
    else if (message.type === "speed") this.stride = Math.max(1, Math.round(message.updates / (run?.updates ?? 1)));
    else if (message.type === "reset" && run) this.reset(message, run);
    else if (message.type === "change" && run) this.refuse(message.settings);
    else if (message.type === "start") this.running = true;
    else if (message.type === "pause") this.running = false;
    else if (message.type === "advance") this.next(1);
    else if (message.type === "ack") this.drawn = message.gen === this.gen;
    if (this.running && this.drawn) setTimeout(() => this.running && this.next(this.stride ?? 1), 33);
  }

  reset({ gen, settings }, run) {
    Object.assign(this, { gen, at: -1, running: false, drawn: true });
    this.callback({ ...run.scene, type: "scene", gen });
    for (const [name, value] of run.slow) this.callback({ type: "slow", gen, name, value });
    this.next(1);
    this.refuse(settings);
  }

  // Other settings than those of the recording; what the view alone shows may change.
  refuse(settings) {
    const { [this.page]: { settings: own } } = this.runs;
    if (Object.keys(settings).every((name) => !(name in own) || JSON.stringify(settings[name]) === JSON.stringify(own[name]))) return;
    this.callback({ type: "error", gen: this.gen, why: "This file holds one recorded run with its own settings; open stepwell lab to change them." });
  }

  next(stride) {
    const frames = this.runs[this.page]?.frames ?? [];
    if (!this.drawn || this.at >= frames.length - 1) return;
    const from = this.at + 1;
    this.at = Math.min(frames.length - 1, this.at + stride);
    this.drawn = false;
    for (const frame of frames.slice(from, this.at + 1)) {
      for (const event of frame.events ?? []) this.callback({ ...event, type: "event", gen: this.gen });
    }
    this.callback({ ...frames[this.at], type: "frame", gen: this.gen, frame: this.at });
    if (this.at === frames.length - 1) this.callback({ type: "done", gen: this.gen, why: "recorded" });
  }

  close() {
    this.running = false;
  }
}
