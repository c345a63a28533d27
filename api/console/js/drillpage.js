// One drill as it runs, and its report: of each device when it alarmed, who was told, who saw it; delays beside standards.

import { get, post } from "./api.js";
import { sure, toast, tried } from "./dialogs.js";
import { h, put } from "./dom.js";
import { targetOptions } from "./drillspage.js";
import { deviceName, renew } from "./fields.js";
import { clock, inList, number } from "./format.js";
import { indicatorTable } from "./indicators.js";
import { dated, factsOf, officersOf } from "./office.js";
import { empty, Panel } from "./panel.js";
import { Parts } from "./parts.js";
import { toPage } from "./route.js";
import { ageSpan } from "./rows.js";
import { Story, storyLine } from "./story.js";
import { t } from "./texts.js";
import { word } from "./words.js";

const RHYTHM = 2_000; // ms: people stand before the detectors and wait
const APART = ["starting", "running", "ending"];
const STEPS = ["device_to_alarm", "alarm_to_notification", "notification_to_acknowledgement"];

export class DrillPage {
  constructor(model, id) {
    this.model = model;
    this.id = id;
    this.path = `/drills/${id}`;
    this.about = new Panel("about-drill", t("drill"));
    this.devices = new Panel("drill-devices", t("devices"));
    this.figures = new Panel("drill-figures", t("drillReport"));
    this.story = new Story({ line: (line) => storyLine({ ...line, note: this.noteOf(line) }, word("drillVerb", line.verb)) });
    this.root = h("div", { cls: "office-page printed" }, h("p", {}, h("a", { cls: "up", href: toPage(model.park, "drills") }, `← ${t("navDrills")}`)), this.about.root, this.devices.root, this.figures.root, this.story.root);
    this.parts = new Parts(model, this.root, { drill: () => get(this.path), history: async () => (await get(`${this.path}/history`)).items, targets: async () => targetOptions(model, await officersOf(model)) }, () => this.draw(), { every: RHYTHM });
  }

  start() {
    this.parts.start();
  }

  close() {
    this.parts.close();
  }

  draw() {
    const { asked, held } = this.parts;
    const there = this.about.ready(asked, ["drill"]);
    for (const { root } of [this.devices, this.figures, this.story]) root.hidden = !there;
    if (!there) return;
    this.drawAbout(held.drill);
    this.drawDevices(held.drill);
    put(this.figures.body, held.drill.observed.length ? indicatorTable(held.drill.indicators) : empty(t("notBegun")));
    if (this.story.panel.ready(asked, ["history"])) this.story.draw(held.history, this.model.stamp());
  }

  /** What a line says of devices, by their names; a person's own words as they are. */
  noteOf({ verb, note }) {
    if (verb === "plan") return note;
    return ["notice", "acknowledge"].includes(verb) ? inList(note.split(",").map((key) => deviceName(this.model, Number(key)))) : "";
  }

  target(drill) {
    return this.parts.held.targets?.find(([value]) => value === drill.target)?.[1] ?? drill.target;
  }

  drawAbout(drill) {
    const apart = APART.includes(drill.state);
    this.about.root.classList.toggle("apart", apart);
    put(this.about.title, drill.name);
    put(this.about.beside, h("span", { cls: `tag ${apart ? "loud" : ""}` }, word("drill", drill.state)));
    const may = this.model.may("act") && ["planned", ...APART].includes(drill.state);
    renew(this.about.body, apart ? h("p", { cls: "about critical" }, t("drillRuns", { n: drill.devices.length })) : null,
      factsOf([["beginsField", dated(drill.began ?? drill.starts)], ["endsField", dated(drill.ended ?? drill.ends)], ["drillTells", this.target(drill)], ["plannedBy", drill.actor],
        ["endedBy", drill.ended ? drill.ended_by || t("timeOver") : ""], ["whyFree", drill.note]]),
      h("div", { cls: "acts" }, may && drill.state !== "ending" ? h("button", { type: "button", data: { act: "stop" }, cls: apart ? "loud" : "", onclick: () => this.stop(drill) }, t(drill.state === "planned" ? "cancelDrill" : "stopDrill")) : null,
        drill.state === "ended" ? h("button", { type: "button", cls: "no-print", onclick: () => print() }, t("printReport")) : null));
  }

  drawDevices(drill) {
    const seen = new Map(drill.observed.map((one) => [one.device, one]));
    const may = this.model.may("alarm") && APART.includes(drill.state);
    put(this.devices.beside, h("span", { cls: "quiet" }, t("alarmedOf", { n: drill.observed.filter((one) => one.alarmed !== null).length, of: drill.devices.length })));
    const head = [t("deviceField"), t("alarmedAt"), ...STEPS.map((step) => word("drillStep", step)), t("acknowledgedBy")];
    renew(this.devices.body, h("div", { cls: "scroll" }, h("table", { cls: "plain-table cards" }, h("thead", {}, h("tr", {}, head.map((text, i) => h("th", { scope: "col", cls: i > 1 && i < 5 ? "number" : null }, text)))),
      h("tbody", {}, drill.devices.map((key) => this.deviceRow(key, seen.get(key), head, { may, ended: drill.state === "ended" }))))));
  }

  deviceRow(key, one, head, { may, ended }) {
    const seconds = (value) => (value === null || value === undefined ? "—" : `${number(value)} ${t("second")}`);
    const state = !one ? t("notBegun") : one.alarmed === null ? (ended ? h("strong", { cls: "overdue" }, t("neverAlarmed")) : t("waitsForAlarm")) : clock(one.alarmed);
    const acknowledged = !one || one.alarmed === null ? "—" : one.acknowledged !== null ? [`${one.acknowledged_by} ${clock(one.acknowledged)}`]
      : [may ? h("button", { type: "button", cls: "primary", data: { act: `ack-${key}` }, onclick: () => this.acknowledge(key) }, t("iSawIt")) : t("nobodyAnswered"), " ", ended ? null : ageSpan(one.alarmed)];
    const cell = (i, content, cls = "") => h("td", { cls, data: { head: head[i] } }, h("span", {}, content));
    return h("tr", {}, h("th", { scope: "row" }, deviceName(this.model, key)), cell(1, state), STEPS.map((step, i) => cell(2 + i, seconds(one?.delays[step]), "number")), cell(5, acknowledged));
  }

  async acknowledge(device) {
    await tried(t("iSawIt"), async () => this.see(await post(`${this.path}/acknowledge`, { device })));
    this.parts.load();
  }

  async stop(drill) {
    const planned = drill.state === "planned";
    if (await sure(t(planned ? "cancelDrill" : "stopDrill"), t(planned ? "cancelDrillAbout" : "stopDrillAbout"), t(planned ? "cancelDrill" : "stopDrill"), async () => this.see(await post(`${this.path}/stop`, {})))) toast(t("kept"));
    this.parts.load();
  }

  see(drill) {
    this.parts.held.drill = drill;
    this.parts.redraw();
  }
}
