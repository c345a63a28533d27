// A visit with the phone in the hand: one item after the other, three large buttons, words and a photograph for a fault.

import { get, post } from "./api.js";
import { sure, toast, tried } from "./dialogs.js";
import { h, put } from "./dom.js";
import { note, placeField, renew } from "./fields.js";
import { attach, Files } from "./files.js";
import { inList, moment } from "./format.js";
import { dated, dueText, factsOf, inWords, officerName, officersOf, progress, visitName } from "./office.js";
import { Panel, why } from "./panel.js";
import { Parts } from "./parts.js";
import { toPage } from "./route.js";
import { whereText } from "./say.js";
import { Story, storyLine } from "./story.js";
import { t } from "./texts.js";
import { Unsent } from "./unsent.js";
import { word } from "./words.js";

const VERDICTS = ["ok", "fault", "not_applicable"];

export class RoundPage {
  constructor(model, id) {
    this.model = model;
    this.id = id;
    this.path = `/rounds/${id}`;
    this.refused = []; // answers that the platform would not take, and why
    this.forms = new Map(); // item -> the form in which its fault is being written: what was typed stays in it
    this.about = new Panel("about-round", t("visit"));
    this.list = new Panel("items", t("checklist"));
    this.story = new Story({ line: (line) => storyLine({ ...line, note: this.noteOf(line) }, word("roundVerb", line.verb)) });
    this.files = new Files(this.path, { may: model.may("alarm"), done: () => this.parts.load() });
    this.root = h("div", { cls: "round-page" }, h("p", {}, h("a", { cls: "up", href: toPage(model.park, "rounds") }, `← ${t("navRounds")}`)), this.about.root, this.list.root, this.files.root, this.story.root);
    this.parts = new Parts(model, this.root, {
      checklists: async () => (await get("/checklists")).items, round: () => get(this.path), history: async () => (await get(`${this.path}/history`)).items, files: () => this.files.load(), officers: () => officersOf(model),
    }, () => this.draw());
    this.unsent = new Unsent(`park.round.${id}.${model.session.name}`, { // a phone may go from hand to hand: each sends his own
      send: async (answer) => this.see(await post(`${this.path}/answers`, { answers: [answer] })),
      refused: (answer, problem) => {
        this.refused.push([answer, why(problem)]); // told until the page is left: it is nowhere else
        this.parts.load("round", "history");
      },
      told: () => this.parts.redraw(),
    });
  }

  start() {
    this.parts.start();
    this.unsent.flush();
  }

  close() {
    this.parts.close();
    this.unsent.close();
  }

  get round() {
    return this.parts.held.round;
  }

  get items() {
    return this.parts.held.checklists?.find((c) => c.key === this.round.checklist)?.items ?? [];
  }

  /** "exit_blocked: fault": the item in words, and what was answered. */
  noteOf({ verb, note: said }) {
    if (verb !== "answer") return verb === "attach" ? said : "";
    return said.split(", ").map((one) => one.split(": ")).map(([key, verdict]) => `${this.textOf(key)} ${word("itemVerdict", verdict)}`).join("\n");
  }

  textOf(key) {
    const item = this.items.find((one) => one.key === key);
    return item ? inWords(item) : key;
  }

  see(round) {
    if (this.round && this.round.version > round.version) return;
    this.parts.held.round = round;
    this.parts.redraw();
  }

  /** What is answered, whether it is sent or not. */
  answer(key) {
    return this.unsent.of(key) ?? this.round.answers.find((one) => one.item === key);
  }

  draw() {
    const { asked, held } = this.parts;
    const there = this.about.ready(asked, ["round", "checklists"]);
    for (const { root } of [this.list, this.files, this.story]) root.hidden = !there;
    if (!there) return;
    this.may = this.model.may("alarm") && this.round.state !== "done";
    this.drawAbout();
    if (!this.items.length) put(this.list.body, h("p", { cls: "state empty" }, t("noChecklist", { key: this.round.checklist })));
    else if (![...this.forms.values()].some((form) => form.contains(document.activeElement))) this.redrawItems(); // nobody who writes is disturbed
    if (this.files.panel.ready(asked, ["files"])) this.files.draw();
    if (this.story.panel.ready(asked, ["history"])) this.story.draw(held.history);
  }

  drawAbout() {
    const { round } = this;
    const answered = this.items.filter((item) => this.answer(item.key)).length;
    const faults = this.items.filter((item) => this.answer(item.key)?.verdict === "fault").length;
    const left = this.items.length - answered;
    put(this.about.title, visitName(round, this.parts.held.checklists));
    put(this.about.beside, h("span", { cls: "tag" }, word("round", round.state)), round.late ? h("span", { cls: "tag loud" }, t("doneLate")) : null);
    renew(this.about.body,
      factsOf([["placeField", round.places.length ? inList(round.places.map((id) => whereText(this.model, id))) : t("wholePark")], ["dayField", round.day], ["limitField", round.state === "done" ? "" : dueText(round.due)],
        ["whoWalks", officerName(this.parts.held.officers, round.officer)], ["doneBy", round.done ? `${round.done_by} ${dated(round.done)}` : ""]]),
      h("p", {}, progress(answered, this.items.length), faults ? h("strong", { cls: "overdue" }, ` ${t("faultCount", { n: faults })}`) : null),
      this.unsent.waiting.length ? h("p", { cls: "notice", role: "status" }, t("notSent", { n: this.unsent.waiting.length })) : null,
      this.refused.map(([answer, text]) => h("p", { cls: "state error", role: "alert" }, t("failed", { what: `${this.textOf(answer.item)} ${word("itemVerdict", answer.verdict)} ${answer.note ?? ""}`, why: text }))),
      this.may ? h("div", { cls: "acts" }, h("button", { type: "button", cls: "primary", data: { act: "finish" }, disabled: left > 0 || this.unsent.waiting.length > 0, onclick: () => this.finish(faults) }, t("finishVisit")),
        left ? h("a", { href: location.hash, cls: "button", onclick: (event) => this.next(event) }, t("itemsLeft", { n: left })) : null) : null,
      round.state === "done" ? h("p", {}, round.hazards ? h("a", { cls: "button", href: toPage(this.model.park, "hazards") }, t("hazardsFound", { n: round.hazards })) : t("nothingFound")) : null);
  }

  /** Go to the first item that is not answered. */
  next(event) {
    event?.preventDefault();
    const open = this.items.find((item) => !this.answer(item.key));
    const first = open && this.list.body.querySelector(`[data-item="${open.key}"]`);
    first?.scrollIntoView({ block: "center" });
    first?.querySelector("button")?.focus({ preventScroll: true });
  }

  item(item) {
    const said = this.answer(item.key);
    const form = this.forms.get(item.key);
    return h("li", { cls: `item ${said?.verdict ?? "open"}`, data: { item: item.key } },
      h("p", { cls: "question" }, inWords(item), item.grade === "major" ? h("span", { cls: "tag loud" }, word("grade", "major")) : null),
      h("p", { cls: "facts" }, `${item.basis} · ${item.days ? t("mendWithin", { n: item.days }) : t("mendToday")}`),
      this.may ? h("div", { cls: "verdicts", role: "group", "aria-label": inWords(item) }, VERDICTS.map((verdict) => h("button", { type: "button", data: { verdict }, "aria-pressed": String(said?.verdict === verdict && !form),
        onclick: () => this.say(item, verdict) }, word("itemVerdict", verdict)))) : h("p", {}, h("strong", {}, said ? word("itemVerdict", said.verdict) : t("notAnswered"))),
      form ?? (said?.verdict === "fault" ? h("p", { cls: "note" }, said.place ? `${whereText(this.model, said.place)}：` : "", said.note) : null),
      said ? h("p", { cls: "facts" }, this.unsent.of(item.key) ? t("waitsToBeSent") : `${said.actor} ${moment(said.at)}`) : null);
  }

  async say(item, verdict) {
    if (verdict === "fault") {
      if (!this.forms.has(item.key)) this.forms.set(item.key, this.faultForm(item, this.answer(item.key)));
      this.redrawItems();
      this.forms.get(item.key).querySelector("textarea").focus();
      return;
    }
    this.forms.delete(item.key);
    await this.take({ item: item.key, verdict });
  }

  redrawItems() {
    renew(this.list.body, h("ol", { cls: "checklist" }, this.items.map((item) => this.item(item))));
  }

  async take(answer) {
    const kept = this.unsent.add(answer);
    this.redrawItems(); // at once: the answer is ours, whatever the network does
    this.drawAbout();
    this.next();
    await kept;
  }

  faultForm(item, said) {
    const words = note("note", { value: said?.note ?? "", required: true, rows: 2, "aria-label": t("whatIsWrong"), placeholder: t("whatIsWrong") });
    const at = this.round.places.length === 1 ? this.round.places[0] : this.model.park;
    const where = placeField(this.model, "place", said?.place || at, { "aria-label": t("placeField") });
    const picture = h("input", { type: "file", accept: "image/*", capture: "environment", cls: "unseen", id: `photo-${item.key}`, onchange: () => (chosen.textContent = picture.files[0]?.name ?? "") });
    const chosen = h("span", { cls: "quiet" });
    return h("form", { cls: "fault-form", onsubmit: async (event) => {
      event.preventDefault();
      this.forms.delete(item.key);
      const [file] = picture.files;
      if (file) tried(t("files"), async () => { await attach(this.path, file, `${item.key} ${file.name}`); this.parts.load("files", "round"); });
      await this.take({ item: item.key, verdict: "fault", note: words.value.trim(), place: Number(where.value) });
    } }, words, where, h("div", { cls: "acts" }, picture, h("label", { for: `photo-${item.key}`, cls: "button" }, t("photograph")), chosen, h("button", { type: "submit", cls: "primary" }, t("keepFault")),
      h("button", { type: "button", onclick: () => { this.forms.delete(item.key); this.redrawItems(); } }, t("cancel"))));
  }

  async finish(faults) {
    const done = await sure(t("finishVisit"), faults ? t("finishWithFaults", { n: faults }) : t("finishWell"), t("finishVisit"), async () => this.see(await post(`${this.path}/finish`, {})));
    if (done) toast(t("visitDone"));
    this.parts.load();
  }
}
