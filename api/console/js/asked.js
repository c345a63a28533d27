// Parts that a page asks for itself, with the same face as the model: what is loaded, what went wrong, ask anew.

import { Problem } from "./api.js";
import { now } from "./format.js";

export class Asked {
  /** `parts`: name -> a function that asks and keeps. `told` is called after each, with its name. */
  constructor(parts, told) {
    Object.assign(this, { parts, told });
    this.loaded = new Map();
    this.problems = new Map();
    this.closed = false;
  }

  async load(part) {
    try {
      await this.parts[part]();
      this.problems.delete(part);
      this.loaded.set(part, now());
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.problems.set(part, problem);
    }
    if (!this.closed) this.told(part);
  }

  close() {
    this.closed = true;
  }
}
