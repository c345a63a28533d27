// Rules: the table that holds as text, what a change would change, a dry run over days that are past, and the history.

import { get, post, Problem, replace } from "./api.js";
import { Asked } from "./asked.js";
import { dialog, toast } from "./dialogs.js";
import { framed, h, put } from "./dom.js";
import { now } from "./format.js";
import { dated } from "./office.js";
import { empty, Panel, why } from "./panel.js";
import { t } from "./texts.js";
import { ended, sideBySide, underWay } from "./tryout.js";
import { word } from "./words.js";

const DAY = 86_400_000;
const DAYS = [1, 7, 30]; // of a dry run

export class RulesPage {
  constructor(model) {
    this.model = model;
    this.text = new Panel("rules-now", t("rulesNow"));
    this.changes = new Panel("rules-changes", t("rulesChanges"));
    this.past = new Panel("rules-past", t("rulesPast"));
    this.area = h("textarea", { cls: "rules-text", spellcheck: "false", "aria-label": t("rulesNow"), wrap: "off" });
    this.root = h("div", { cls: "rules-page" }, h("div", { cls: "rules-cols" }, this.text.root, h("div", { cls: "column" }, this.changes.root, this.past.root)));
    this.asked = new Asked({
      rules: async () => {
        this.held = await get("/rules");
        if (this.area.value === "" || this.area.value === this.shown) this.area.value = this.held.text;
        this.shown = this.held.text.replaceAll("\r\n", "\n");
      },
      history: async () => {
        this.history = (await get("/rules/history")).items;
      },
    }, () => this.redraw());
    this.redraw = framed(() => this.root.isConnected && this.draw());
  }

  start() {
    this.draw();
    put(this.changes.body, empty(t("rulesChangesNone")));
    this.asked.load("rules");
    this.asked.load("history");
  }

  close() {
    this.asked.close();
  }

  draw() {
    if (this.text.ready(this.asked, ["rules"])) {
      const { current, text } = this.held;
      const may = this.model.may("rules") && text !== "";
      this.area.readOnly = !may;
      if (!this.area.isConnected) put(this.text.body, text ? this.area : empty(t("rulesForAllParks")));
      put(this.text.beside, h("span", { cls: "quiet" }, t("rulesVersion", { n: current.version, count: current.rules, who: current.actor || t("platform") })), may ? [
        h("button", { type: "button", onclick: () => this.check() }, t("rulesCheck")),
        h("select", { "aria-label": t("rulesTry"), onchange: (event) => event.target.value && this.tryOut(Number(event.target.value)) }, h("option", { value: "" }, t("rulesTry")), DAYS.map((n) => h("option", { value: n }, t("rulesTryDays", { n })))),
        h("button", { type: "button", cls: "primary", onclick: () => this.save() }, t("rulesSave"))] : null);
    }
    if (this.past.ready(this.asked, ["history"])) {
      put(this.past.body, this.history.length ? h("ul", {}, this.history.map((set) => h("li", { cls: "rule-change" },
        h("strong", {}, t("versionNumber", { n: set.version })), ` ${set.at ? dated(set.at) : ""} ${set.actor}`, set.life_safety ? h("span", { cls: "tag loud" }, t("lifeChanged")) : null,
        h("p", { cls: "quiet" }, set.reason), h("button", { type: "button", onclick: () => this.look(set.version) }, t("showVersion")),
        this.model.may("rules") && set.version !== this.held?.current.version ? [" ", h("button", { type: "button", onclick: () => this.back(set.version) }, t("rollBack"))] : null))) : empty(t("rulesNoPast")));
    }
  }

  changeList(changes) {
    return changes.length ? h("ul", {}, changes.map((c) => h("li", { cls: "rule-change" }, h("strong", {}, `${word("changed", c.what)} ${c.rule}`), c.scope ? ` ${c.scope}` : "", c.life_safety ? h("span", { cls: "tag loud" }, t("lifeChanged")) : null,
      h("ul", {}, c.fields.map((f) => h("li", {}, `${f.field}: `, h("del", {}, f.before), " → ", h("ins", {}, f.after))))))) : empty(t("rulesSame"));
  }

  async telling(run) {
    try {
      return await run();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      put(this.changes.body, h("p", { cls: "state error", role: "alert" }, why(problem)));
      return null;
    }
  }

  check() {
    return this.telling(async () => {
      const found = await post("/rules/check", { text: this.area.value });
      put(this.changes.body, h("p", {}, t("rulesGood", { n: found.rules })), this.changeList(found.changes));
      return found;
    });
  }

  look(version) {
    return this.telling(async () => {
      const found = await get(`/rules/${version}`);
      put(this.changes.body, h("p", {}, h("strong", {}, t("versionNumber", { n: version })), ` ${found.rules.reason}`), this.changeList(found.changes),
        h("details", {}, h("summary", {}, t("rulesText")), h("pre", { cls: "rules-text" }, found.text)));
    });
  }

  tryOut(days) {
    return this.telling(async () => {
      const end = Math.floor(now());
      const text = this.area.value;
      const found = await this.dry(text, end - days * DAY, end, t("rulesYours"));
      if (found) put(this.changes.body, sideBySide(found));
    });
  }

  async dry(text, start, end, name) {
    const run = await post("/rules/dry-run", { text, start, end });
    return ended(run, (told) => {
      put(this.changes.body, underWay(told, name));
      return !this.asked.closed;
    });
  }

  async save() {
    const found = await this.check();
    if (!found) return;
    const done = await this.ask(t("rulesSave"), found.life_safety, (reason, meant) => replace("/rules", { text: this.area.value, reason, version: this.held.current.version, life_safety: meant }));
    if (done) this.renewed();
  }

  async back(version) {
    const done = await this.ask(`${t("rollBack")} ${t("versionNumber", { n: version })}`, this.model.may("life_rules"), (reason, meant) =>
      post("/rules/rollback", { to: version, reason, version: this.held.current.version, life_safety: meant }));
    if (done) {
      this.area.value = this.shown;
      this.renewed();
    }
  }

  ask(title, life, run) {
    const reason = h("textarea", { name: "reason", required: true, maxlength: 500, rows: 3 });
    const meant = h("input", { type: "checkbox", name: "life" });
    return dialog(title, h("p", {}, t("rulesAbout")), [{ label: t("whyNeeded"), input: reason }, ...(life ? [{ label: t("lifeMeant"), input: meant }] : [])], {
      text: t("rulesSave"), run: (text, sure = false) => run(text, sure), wrong: (problem) => (problem.status === 409 ? t("rulesOther", { why: why(problem) }) : undefined),
    });
  }

  renewed() {
    toast(t("rulesSaved"));
    this.asked.load("rules");
    this.asked.load("history");
    put(this.changes.body, empty(t("rulesChangesNone")));
  }
}
