// All that happened to a thing, oldest first, and a field to add words to it. One panel for alarms and for the office.

import { Problem } from "./api.js";
import { toast } from "./dialogs.js";
import { h, keyed, put } from "./dom.js";
import { NOTE_MOST } from "./fields.js";
import { moment } from "./format.js";
import { Panel, why } from "./panel.js";
import { t } from "./texts.js";

/** A line of a history: when, what, who, more about it; the words that were written. */
export const storyLine = (line, what, about = []) => h("li", { cls: `step ${line.verb}` }, h("time", { datetime: new Date(line.at).toISOString() }, moment(line.at)),
  h("div", {}, h("p", {}, h("strong", {}, what), " ", h("span", { cls: "who" }, line.actor || t("platform")), about), line.note ? h("p", { cls: "note" }, line.note) : null));

export class Story {
  /** `line(entry)` makes a line; `say(text)` keeps words, null where nobody may. */
  constructor({ line, say = null }) {
    Object.assign(this, { line, say });
    this.panel = new Panel("story", t("timeline"));
    this.root = this.panel.root;
    this.list = h("ol", { cls: "timeline" });
  }

  /** `stamp` names what lines are made of beside themselves. */
  draw(lines, stamp = "") {
    if (!this.list.isConnected) put(this.panel.body, this.list, this.say ? this.form() : null);
    keyed(this.list, lines, (line) => line.id, (line) => this.line(line), `${document.documentElement.lang} ${stamp}`);
  }

  form() {
    const text = h("textarea", { name: "comment", "aria-label": t("comment"), required: true, maxlength: NOTE_MOST, rows: 2, placeholder: t("comment") });
    const button = h("button", { type: "submit" }, t("commentDo"));
    return h("form", { cls: "comment-form", onsubmit: async (event) => {
      event.preventDefault();
      button.disabled = true;
      try {
        await this.say(text.value.trim());
        text.value = "";
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        toast(t("failed", { what: t("comment"), why: why(problem) }), "wrong");
      } finally {
        button.disabled = false;
      }
    } }, text, button);
  }
}
