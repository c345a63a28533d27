// A list of any length: rows are kept in chunks, and only chunks near the screen hold elements. Rows may be of any
// height. One row is reached by Tab; arrow keys, j and k move between rows, further keys act on the one in focus.

import { h, keyed } from "./dom.js";

const CHUNK = 40;
const NEAR = "800px"; // above and below the screen
const GUESS = 64; // px, of a row that was never shown

export class LongList {
  constructor({ label, key, make, stamp, keys = {}, onEnd = () => {} }) {
    Object.assign(this, { key, make, stamp, keys, onEnd });
    this.items = [];
    this.chunks = [];
    this.current = null;
    this.height = GUESS;
    this.root = h("div", { cls: "rows long", role: "list", "aria-label": label, onkeydown: (event) => this.pressed(event), onfocusin: (event) => this.focused(event) });
    this.observer = new IntersectionObserver((entries) => entries.forEach((entry) => this.seen(entry)), { rootMargin: `${NEAR} 0px` });
  }

  close() {
    this.observer.disconnect();
  }

  /** Show these items. Focus stays on its item, wherever that went. */
  set(items) {
    const held = this.root.contains(document.activeElement) ? document.activeElement.closest("[data-key]")?.dataset.key : null;
    const inner = held ? [...document.activeElement.closest("[data-key]").querySelectorAll("a,button")].indexOf(document.activeElement) : -1;
    const before = held === null || held === undefined ? -1 : this.items.findIndex((item) => String(this.key(item)) === held);
    this.items = items;
    const wanted = Math.ceil(items.length / CHUNK);
    while (this.chunks.length < wanted) this.add();
    while (this.chunks.length > wanted) this.drop();
    this.chunks.forEach((chunk, i) => {
      chunk.items = items.slice(i * CHUNK, (i + 1) * CHUNK);
      if (chunk.near) this.fill(chunk);
      else this.reserve(chunk);
    });
    if (!items.some((item) => String(this.key(item)) === this.current)) {
      const near = items[Math.min(Math.max(before, 0), items.length - 1)];
      this.current = near === undefined ? null : String(this.key(near));
    }
    this.mark();
    if (before >= 0 && !this.root.contains(document.activeElement)) {
      const row = this.rowOf(this.current);
      const target = this.current === held && inner >= 0 ? row?.querySelectorAll("a,button")[inner] ?? row : row;
      target?.focus({ preventScroll: true });
    }
  }

  add() {
    const element = h("div", { role: "none", cls: "chunk" });
    const chunk = { element, items: [], near: this.chunks.length === 0 };
    element.chunk = chunk;
    this.chunks.push(chunk);
    this.root.append(element);
    this.observer.observe(element);
  }

  drop() {
    const { element } = this.chunks.pop();
    this.observer.unobserve(element);
    element.remove();
  }

  seen({ target, isIntersecting }) {
    const { chunk } = target;
    if (isIntersecting) {
      chunk.near = true;
      this.fill(chunk);
      this.mark();
      if (chunk === this.chunks.at(-1)) this.onEnd();
    } else if (chunk.near && !target.contains(document.activeElement)) {
      chunk.near = false;
      if (target.childElementCount) this.height = target.offsetHeight / target.childElementCount || this.height;
      chunk.height = target.offsetHeight / Math.max(1, target.childElementCount);
      target.replaceChildren();
      this.reserve(chunk);
    }
  }

  fill(chunk) {
    keyed(chunk.element, chunk.items, this.key, (item) => this.row(item), this.stamp());
    const first = this.chunks.indexOf(chunk) * CHUNK;
    [...chunk.element.children].forEach((row, i) => {
      row.setAttribute("role", "listitem");
      row.setAttribute("aria-posinset", String(first + i + 1));
      row.setAttribute("aria-setsize", String(this.items.length));
    });
    chunk.element.style.minHeight = "";
  }

  row(item) {
    const row = this.make(item);
    row.tabIndex = -1; // it may take the focus of the one it replaces
    return row;
  }

  reserve(chunk) {
    chunk.element.style.minHeight = `${Math.round(chunk.items.length * (chunk.height ?? this.height))}px`;
  }

  mark() {
    for (const row of this.root.querySelectorAll("[data-key]")) row.tabIndex = row.dataset.key === this.current ? 0 : -1;
  }

  rowOf(key) {
    const at = this.items.findIndex((item) => String(this.key(item)) === key);
    if (at < 0) return null;
    const chunk = this.chunks[Math.floor(at / CHUNK)];
    if (!chunk.element.childElementCount) {
      chunk.near = true;
      this.fill(chunk);
    }
    return chunk.element.children[at % CHUNK] ?? null;
  }

  focused(event) {
    const row = event.target.closest("[data-key]");
    if (!row || row.dataset.key === this.current) return;
    this.current = row.dataset.key;
    this.mark();
  }

  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, Home: -Infinity, End: Infinity }[event.key];
    const at = this.items.findIndex((item) => String(this.key(item)) === this.current);
    if (at < 0) return;
    if (step) {
      event.preventDefault();
      const next = Math.min(Math.max(at + step, 0), this.items.length - 1);
      this.current = String(this.key(this.items[next]));
      const row = this.rowOf(this.current);
      this.mark();
      row?.focus({ preventScroll: true });
      row?.scrollIntoView({ block: "nearest" });
    } else if (event.key in this.keys && (event.key !== "Enter" || event.target.closest("[data-key]") === event.target)) {
      event.preventDefault();
      this.keys[event.key](this.items[at]);
    }
  }
}
