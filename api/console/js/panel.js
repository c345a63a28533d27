// A panel and its five states: loading, error, forbidden, empty, and stale (shown, but its update failed).

import { h, put } from "./dom.js";
import { moment } from "./format.js";
import { explained } from "./problems.js";
import { t } from "./texts.js";

export const why = (problem) => explained(problem) || t("noAnswer");

/** What stands in for content that is not there; null where there is content to show. */
export function instead(model, parts, retry) {
  const missing = parts.filter((part) => !model.loaded.has(part));
  if (!missing.length) return null;
  const problem = missing.map((part) => model.problems.get(part)).find(Boolean);
  if (!problem) return h("div", { cls: "skeleton", role: "status", "aria-label": t("loading") });
  if (problem.status === 403) return h("p", { cls: "state forbidden" }, t("forbiddenState", { why: why(problem) }));
  return h("p", { cls: "state error", role: "alert" }, t("errorState", { why: why(problem) }), " ",
    h("button", { type: "button", onclick: () => (retry ? retry() : parts.forEach((part) => model.load(part))) }, t("retry")));
}

/** A panel: a section with a heading, something beside it, and a body. */
export class Panel {
  constructor(name, title, cls = "") {
    this.title = h("h2", { id: `${name}-title` }, title);
    this.beside = h("div", { cls: "beside" });
    this.note = h("p", { cls: "stale-note", hidden: true });
    this.body = h("div", { cls: "body" });
    this.root = h("section", { cls: `panel ${name} ${cls}`, "aria-labelledby": `${name}-title` },
      h("div", { cls: "head" }, this.title, this.beside), this.note, this.body);
  }

  /** Show the state of some parts of the model; true where the content may be drawn. */
  ready(model, parts) {
    const other = instead(model, parts);
    if (other) {
      put(this.body, other);
      this.drawn = false;
      return false;
    }
    if (this.drawn === false) put(this.body);
    this.drawn = true;
    const failed = parts.find((part) => model.problems.has(part));
    this.note.hidden = !failed;
    if (failed) this.note.textContent = t("staleState", { at: moment(model.loaded.get(failed)) });
    return true;
  }
}

export const empty = (text) => h("p", { cls: "state empty" }, text);
