// Drills: planned tests of fire detectors. Those to come and those that run; what the past ones measured.

import { all, get, post } from "./api.js";
import { dialog } from "./dialogs.js";
import { h, put } from "./dom.js";
import { choice, momentField, momentIn, note, several, whole, words } from "./fields.js";
import { now } from "./format.js";
import { about, dated, listed, officersOf } from "./office.js";
import { Panel } from "./panel.js";
import { Parts } from "./parts.js";
import { toPage } from "./route.js";
import { deviceText, whereText } from "./say.js";
import { t } from "./texts.js";
import { word } from "./words.js";

const MINUTE = 60_000;
const OPEN = ["planned", "starting", "running", "ending"];
const OVER = ["ended", "cancelled", "missed"];
const SHOWN = 50;

export class DrillsPage {
  constructor(model) {
    this.model = model;
    this.open = new Panel("drills-open", t("drillsOpen"));
    this.over = new Panel("drills-over", t("drillsOver"));
    this.root = h("div", { cls: "office-page" }, about(t("drillsAbout")), this.open.root, this.over.root);
    this.parts = new Parts(model, this.root, {
      open: () => all("/drills", { park: model.park, state: OPEN, limit: 100 }, { by: "before" }),
      over: async () => (await get("/drills", { park: model.park, state: OVER, limit: SHOWN })).items,
      officers: () => officersOf(model),
      life: () => all("/devices", { park: model.park, lane: "life", state: "active" }),
    }, () => this.draw());
  }

  start() {
    this.parts.start();
  }

  close() {
    this.parts.close();
  }

  draw() {
    const { asked, held } = this.parts;
    put(this.open.beside, held.life && this.model.may("act") ? h("button", { type: "button", cls: "primary", onclick: () => this.plan() }, t("planDrill")) : null);
    if (this.open.ready(asked, ["open"])) listed(this.open, [...held.open].sort((a, b) => a.starts - b.starts), (drill) => this.row(drill), t("noDrills"));
    if (this.over.ready(asked, ["over"])) listed(this.over, held.over, (drill) => this.row(drill), t("noDrillsOver"));
  }

  row(drill) {
    const seen = drill.observed.filter((one) => one.alarmed !== null).length;
    const bad = drill.indicators.filter((one) => one.standing === "over_limit").length;
    return h("li", { cls: `row drill ${drill.state}` }, h("span", { cls: "mark" }, word("drill", drill.state)),
      h("div", { cls: "said" }, h("p", { cls: "what" }, h("a", { cls: "name", href: toPage(this.model.park, "drill", drill.id) }, h("strong", {}, drill.name)), " ", h("span", { cls: "place" }, t("deviceCount", { n: drill.devices.length }))),
        h("p", { cls: "facts" }, [drill.note, drill.observed.length ? t("alarmedOf", { n: seen, of: drill.devices.length }) : "", drill.state === "ended" ? (bad ? t("figuresOver", { n: bad }) : t("figuresMet")) : ""].filter(Boolean).join(" · "))),
      h("div", { cls: "when" }, dated(drill.began ?? drill.starts), h("span", { cls: "quiet" }, drill.actor)));
  }

  async plan() {
    const { model } = this;
    await model.settled; // names of places
    const targets = await targetOptions(model, this.parts.held.officers);
    // Only detectors that are at work now; one in test or maintenance already is somebody else's.
    const life = this.parts.held.life.filter((d) => d.mode === "normal" && d.kind !== "gateway").sort((a, b) => a.place - b.place || a.kind.localeCompare(b.kind));
    const building = (d) => model.buildings.get(model.units.get(model.unitOf(d.place))?.building ?? d.place)?.name ?? model.map.name;
    const devices = several("devices", life.map((d) => [d.id, `${whereText(model, d.place)} ${deviceText(model, d)}`, building(d)]));
    const starts = momentField("starts", now() + MINUTE);
    const wrong = (problem) => (problem.status === 422 && !devices.values().length ? t("chooseDevices") : undefined);
    await dialog(t("planDrill"), [h("p", {}, t("planDrillAbout")), h("p", { cls: "about critical" }, t("drillDanger"))], [
      { label: t("nameField"), input: words("name", "", { required: true }) }, { label: t("beginsField"), input: starts }, { label: t("minutesField"), input: whole("minutes", 30, 1, 480) },
      { label: t("drillTells"), input: choice("target", targets) }, { label: t("drillDevices"), group: life.length ? devices.element : h("p", { cls: "quiet" }, t("noLifeDevices")) }, { label: t("whyFree"), input: note("note", { rows: 2 }) },
    ], {
      text: t("planDo"), wrong,
      run: async (name, _, minutes, target, text) => {
        const begin = momentIn(starts);
        const made = await post("/drills", { park: model.park, name, starts: begin, ends: begin + Number(minutes) * MINUTE, devices: devices.values(), target, note: text });
        location.hash = toPage(model.park, "drill", made.id);
      },
    }, { wide: true });
  }
}

/** Who can be told: everybody, rotas, officers, receivers. */
export async function targetOptions(model, officers) {
  const [rotas, targets] = model.may("alarm") ? await Promise.all([get("/rotas"), get("/targets")]) : [{ items: [] }, { items: [] }];
  return [["all", t("everybody")], ...rotas.items.map((r) => [`rota:${r.id}`, t("rotaNamed", { name: r.name })]), ...(officers ?? []).map((o) => [`officer:${o.id}`, o.name]),
    ...targets.items.map((one) => [`target:${one.name}`, t("receiverNamed", { name: one.name })])];
}
