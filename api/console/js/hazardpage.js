// One hazard from being found to being closed: 五落实, rectification, re-inspection with evidence; who did what when.

import { get, post } from "./api.js";
import { dialog, toast } from "./dialogs.js";
import { h, put } from "./dom.js";
import { toEpisode } from "./episode.js";
import { choice, momentField, momentIn, note, renew, words } from "./fields.js";
import { Files } from "./files.js";
import { inList, now } from "./format.js";
import { about, dated, dueText, factsOf, officerName, officerOptions, officersOf } from "./office.js";
import { Panel } from "./panel.js";
import { Parts } from "./parts.js";
import { toPage } from "./route.js";
import { place } from "./rows.js";
import { Story, storyLine } from "./story.js";
import { t } from "./texts.js";
import { word } from "./words.js";

const DAY = 86_400_000;
const FIVE = ["responsible", "measures", "funds", "due", "contingency"];
const WAY = ["found", "rectifying", "rectified", "closed"];
// verb -> {need: permission, words: whether words are asked for, loud}; the platform's answer says which its state allows
const DEEDS = {
  begin: { need: "act" }, done: { need: "alarm", words: true }, approve: { need: "act", loud: true }, reject: { need: "act", words: true },
  extend: { need: "duty", words: true, due: true }, dismiss: { need: "duty", words: true }, reopen: { need: "act", words: true },
};

export class HazardPage {
  constructor(model, id) {
    this.model = model;
    this.id = id;
    this.path = `/hazards/${id}`;
    this.about = new Panel("about-hazard", t("hazard"));
    this.five = new Panel("five", t("five"));
    this.story = new Story({ line: (line) => storyLine({ ...line, note: this.noteOf(line) }, word("hazardVerb", line.verb)), say: model.may("alarm") ? (text) => this.say(text) : null });
    this.files = new Files(this.path, { may: model.may("alarm"), done: () => this.parts.load() });
    this.root = h("div", { cls: "alarm-page" }, h("p", {}, h("a", { cls: "up", href: toPage(model.park, "hazards") }, `← ${t("navHazards")}`)), this.about.root,
      h("div", { cls: "column" }, this.five.root, this.story.root), h("div", { cls: "column" }, this.files.root));
    this.parts = new Parts(model, this.root, {
      hazard: () => get(this.path), history: async () => (await get(`${this.path}/history`)).items, files: () => this.files.load(), officers: () => officersOf(model),
    }, () => this.draw());
  }

  start() {
    this.parts.start();
  }

  close() {
    this.parts.close();
  }

  /** "step 1: officer:3": who was reminded, by name; a person's own words as they are. */
  noteOf({ verb, note: said }) {
    if (verb !== "escalate") return said;
    const officers = [...said.matchAll(/officer:(\d+)/g)].map(([, id]) => officerName(this.parts.held.officers, Number(id)));
    return inList(officers.length ? officers : [t("everybody")]);
  }

  get hazard() {
    return this.parts.held.hazard;
  }

  draw() {
    const { asked, held } = this.parts;
    const there = this.about.ready(asked, ["hazard"]);
    for (const { root } of [this.five, this.files, this.story]) root.hidden = !there;
    if (!there) return;
    this.drawAbout();
    this.drawFive();
    if (this.story.panel.ready(asked, ["history"])) this.story.draw(held.history, String(held.officers?.length));
    if (this.files.panel.ready(asked, ["files"])) this.files.draw();
  }

  drawAbout() {
    const { hazard, model } = this;
    const [kind, from] = [hazard.origin.split(":", 1)[0], hazard.origin.slice(hazard.origin.indexOf(":") + 1)];
    const origin = kind === "round" ? h("a", { href: toPage(model.park, "round", Number.parseInt(from, 10)) }, t("fromRound", { n: Number.parseInt(from, 10) }))
      : kind === "alarm" ? h("a", { href: toPage(model.park, "alarm", Number.parseInt(from, 10)) }, t("alarmNumber", { n: Number.parseInt(from, 10) }))
        : kind === "episode" ? h("a", { href: toEpisode(model.park, from) }, t("episode")) : "";
    const open = !["closed", "dismissed"].includes(hazard.state);
    put(this.about.title, hazard.title);
    put(this.about.beside, hazard.grade === "major" ? h("span", { cls: "tag loud" }, word("grade", "major")) : null, h("span", { cls: "tag" }, word("hazard", hazard.state)), hazard.category ? h("span", { cls: "tag" }, word("category", hazard.category)) : null);
    renew(this.about.body, this.way(),
      h("p", { cls: "sentence" }, place(model, hazard.place), " ", hazard.note),
      factsOf([["limitField", dueText(hazard.due, open)], ["foundBy", `${hazard.found_by} ${dated(hazard.found)}`], ["origin", origin], ["basisField", hazard.basis],
        ["toldFirst", officerName(this.parts.held.officers, hazard.officer)], ["rectifiedBy", hazard.rectified ? `${hazard.rectified_by} ${dated(hazard.rectified)}` : ""],
        ["closedBy", hazard.closed ? `${hazard.closed_by} ${dated(hazard.closed)}` : ""], ["extendedField", hazard.extended ? t("times", { n: hazard.extended }) : ""]]),
      this.buttons());
  }

  /** Where it is on its way; dismissed is a way of its own. */
  way() {
    const { state, missing } = this.hazard;
    if (state === "dismissed") return h("p", { cls: "state empty" }, word("hazard", state));
    const at = WAY.indexOf(state);
    return h("ol", { cls: "way" }, WAY.map((name, i) => h("li", { cls: i < at ? "past" : "", "aria-current": i === at ? "step" : null },
      word("hazardWay", name), name === "found" && at === 0 ? h("span", { cls: "quiet" }, ` ${FIVE.length - missing.length}/${FIVE.length}`) : null)));
  }

  /** What may be done now, and where something is in the way, what. */
  buttons() {
    const { hazard, model } = this;
    const mine = (verb) => hazard.verbs.includes(verb) && model.may(DEEDS[verb].need);
    const barred = { begin: hazard.missing.length ? t("fiveMissing", { some: inList(hazard.missing.map((part) => word("five", part))) }) : "",
      approve: !hazard.evidence ? t("evidenceFirst") : hazard.rectified_by === model.session.name ? [t("anotherPerson"), model.session.keys_required ? "" : t("oneIdentity", { name: model.session.name })].filter(Boolean).join(" ") : "" };
    const shown = Object.keys(DEEDS).filter(mine);
    const hints = shown.map((verb) => barred[verb]).filter(Boolean);
    return h("div", {}, h("div", { cls: "acts", role: "group", "aria-label": t("actsAbout") }, shown.map((verb) => h("button", { type: "button", cls: DEEDS[verb].loud ? "primary" : "", data: { act: verb }, disabled: Boolean(barred[verb]), onclick: () => this.deed(verb) }, word("hazardAct", verb)))),
      hints.length ? h("ul", { cls: "hints" }, hints.map((text) => h("li", {}, text))) : null,
      shown.length || ["closed", "dismissed"].includes(hazard.state) ? null : h("p", { cls: "quiet" }, t("mayNotAct")));
  }

  drawFive() {
    const { hazard } = this;
    put(this.five.beside, h("span", { cls: "quiet" }, `${FIVE.length - hazard.missing.length}/${FIVE.length}`),
      hazard.verbs.includes("plan") && this.model.may("act") ? h("button", { type: "button", data: { act: "plan" }, onclick: () => this.settle() }, t("settle")) : null);
    put(this.five.body, about(t("fiveAbout")), h("dl", { cls: "five-list" }, FIVE.map((part) => h("div", { cls: hazard.missing.includes(part) ? "missing" : "" }, h("dt", {}, word("five", part)),
      h("dd", {}, hazard.missing.includes(part) ? t("notSettled") : part === "due" ? dated(hazard.five.due) : hazard.five[part])))));
  }

  async settle() {
    const { hazard } = this;
    const { five } = hazard;
    const due = momentField("due", five.due || Math.max(hazard.due, now() + DAY), { disabled: hazard.state !== "found" });
    const before = due.value;
    await this.ask(t("five"), [
      { label: word("five", "responsible"), input: words("responsible", five.responsible) },
      { label: word("five", "measures"), input: note("measures", { value: five.measures, rows: 2 }) },
      { label: word("five", "funds"), input: words("funds", five.funds), hint: t("fundsHint") },
      { label: word("five", "due"), input: due, hint: hazard.state === "found" ? "" : t("limitByExtend") },
      { label: word("five", "contingency"), input: note("contingency", { value: five.contingency, rows: 2 }) },
      { label: t("toldFirst"), input: choice("officer", officerOptions(this.parts.held.officers), hazard.officer) },
    ], t("settleDo"), (responsible, measures, funds, _, contingency, officer) => ["plan", {
      responsible, measures, funds, contingency, officer: Number(officer), due: due.disabled || (five.due && due.value === before) ? 0 : momentIn(due) }]);
  }

  async deed(verb) {
    const { words: asked, due } = DEEDS[verb];
    const fields = [];
    const limit = due ? momentField("due", this.hazard.due + 7 * DAY) : null;
    if (limit) fields.push({ label: t("newLimit"), input: limit });
    if (asked || verb === "approve") fields.push({ label: asked ? word("hazardAsks", verb) : t("whyFree"), input: note("note", { required: Boolean(asked) }) });
    await this.ask(word("hazardAct", verb), fields, word("hazardAct", verb), (...values) => [verb, { note: fields.length ? values.at(-1) : "", ...(limit ? { due: momentIn(limit) } : {}) }], word("hazardAbout", verb));
  }

  /** Ask, and do; who was slower sees the hazard as it is now. */
  async ask(title, fields, text, bodyOf, said = "") {
    const done = await dialog(title, said ? h("p", {}, said) : null, fields, {
      text, wrong: (problem) => {
        if (problem.body.hazard) this.see(problem.body.hazard);
        return undefined;
      },
      run: async (...values) => {
        const [verb, body] = bodyOf(...values);
        this.see(await post(`${this.path}/${verb}`, { ...body, version: this.hazard.version }));
      },
    }, { wide: fields.length > 3 });
    if (done) toast(t("kept"));
    this.parts.load();
  }

  see(hazard) {
    this.parts.held.hazard = hazard;
    this.parts.redraw();
  }

  async say(text) {
    this.see(await post(`${this.path}/comment`, { note: text }));
    this.parts.load();
  }
}
