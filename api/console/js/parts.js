// What a page asks for itself, and when: at its start, when the stream is back, and every so often while somebody looks.

import { Asked } from "./asked.js";
import { framed } from "./dom.js";

const RHYTHM = 15_000; // ms: nothing tells a page of changes in the office

export class Parts {
  /** `asks`: name -> a function that asks and returns what it got; kept in `held`. `draw` is called when it is another. */
  constructor(model, root, asks, draw, { every = RHYTHM } = {}) {
    Object.assign(this, { model, asks, every });
    this.held = {};
    this.signs = {};
    this.asked = new Asked(Object.fromEntries(Object.entries(asks).map(([name, ask]) => [name, () => this.keep(name, ask)])), (name) => this.came(name));
    this.redraw = framed(() => root.isConnected && draw());
    this.off = model.on((topic) => {
      if (topic === "refetched") this.load();
      if (["map", "devices"].includes(topic) && model.stamp() !== this.drawnWith) {
        this.drawnWith = model.stamp();
        this.redraw(); // names of places and devices came
      }
    });
  }

  async keep(name, ask) {
    this.held[name] = await ask();
  }

  came(name) {
    const problem = this.asked.problems.get(name);
    const sign = problem ? `${problem.status} ${problem.message}` : JSON.stringify(this.held[name]);
    if (sign === this.signs[name] && !problem) return; // the same as before: nobody is disturbed
    this.signs[name] = sign;
    this.redraw();
  }

  start() {
    this.redraw();
    this.load();
    this.timer = setInterval(() => !document.hidden && this.load(), this.every);
  }

  /** Ask anew; for everything where nothing is named, but not for what this key may not see. */
  async load(...names) {
    const some = names.length ? names : Object.keys(this.asks).filter((name) => this.asked.problems.get(name)?.status !== 403);
    await Promise.all(some.map((name) => this.asked.load(name)));
  }

  close() {
    this.off();
    this.asked.close();
    clearInterval(this.timer);
  }
}
