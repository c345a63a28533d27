// Answers that are not sent yet: a cellar has no signal. They wait in the browser, survive a reload, and go in order.

import { Problem } from "./api.js";

const AGAIN = 5_000; // ms between attempts

export class Unsent {
  /** `send(answer)` sends one, and raises Problem; status 0 and 5xx mean "later", anything else is told to `refused`. */
  constructor(key, { send, refused, told }) {
    Object.assign(this, { key, send, refused, told });
    this.waiting = this.kept();
    this.online = () => this.flush();
    addEventListener("online", this.online);
    this.timer = setInterval(() => this.flush(), AGAIN);
  }

  kept() {
    try {
      return JSON.parse(localStorage.getItem(this.key) ?? "[]");
    } catch {
      return []; // storage may be forbidden: then they wait as long as the page is open
    }
  }

  keep() {
    try {
      if (this.waiting.length) localStorage.setItem(this.key, JSON.stringify(this.waiting));
      else localStorage.removeItem(this.key);
    } catch {
      // as above
    }
  }

  /** The answer to an item that waits to be sent; undefined where none does. */
  of(item) {
    return this.waiting.find((answer) => answer.item === item);
  }

  /** Take an answer; a newer one for the same item takes the place of the one that waits. */
  add(answer) {
    this.waiting = [...this.waiting.filter((one) => one.item !== answer.item), answer];
    this.keep();
    return this.flush();
  }

  async flush() {
    if (this.busy || this.closed) return;
    this.busy = true;
    try {
      while (this.waiting.length) {
        const [answer] = this.waiting;
        try {
          await this.send(answer);
        } catch (problem) {
          if (!(problem instanceof Problem)) throw problem;
          if (problem.status === 0 || problem.status >= 500 || problem.status === 429) break;
          this.refused(answer, problem);
        }
        this.waiting = this.waiting.filter((one) => one !== answer);
        this.keep();
      }
    } finally {
      this.busy = false;
      if (!this.closed) this.told();
    }
  }

  close() {
    this.closed = true;
    clearInterval(this.timer);
    removeEventListener("online", this.online);
  }
}
