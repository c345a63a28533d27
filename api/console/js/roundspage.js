// Fire self-inspections: what is to be walked now, the plans it comes from, what was walked. A visit begins here.

import { all, get, post, remove, replace } from "./api.js";
import { dialog, sure, toast } from "./dialogs.js";
import { h, put } from "./dom.js";
import { choice, dayField, placeField, several, whole, words } from "./fields.js";
import { inList } from "./format.js";
import { about, dated, dueText, inWords, listed, officerName, officerOptions, officersOf, progress, visitName } from "./office.js";
import { Panel } from "./panel.js";
import { Parts } from "./parts.js";
import { toPage } from "./route.js";
import { whereText } from "./say.js";
import { t } from "./texts.js";
import { dayOf } from "./times.js";
import { word } from "./words.js";

const DONE_SHOWN = 50;
const OPEN = ["due", "started", "missed"];
const EVERY = ["day", "week", "month", "quarter"];

export class RoundsPage {
  constructor(model) {
    this.model = model;
    this.open = new Panel("rounds-open", t("roundsOpen"));
    this.plans = new Panel("plans", t("inspectionPlans"));
    this.done = new Panel("rounds-done", t("roundsDone"));
    this.root = h("div", { cls: "office-page" }, about(t("roundsAbout")), this.open.root, h("div", { cls: "two" }, this.plans.root, this.done.root));
    this.parts = new Parts(model, this.root, {
      checklists: async () => (await get("/checklists")).items,
      open: () => all("/rounds", { park: model.park, state: OPEN }, { by: "before", most: 1_000 }),
      done: async () => (await get("/rounds", { park: model.park, state: "done", limit: DONE_SHOWN })).items,
      plans: () => all("/inspection-plans", { park: model.park }, { by: "before", most: 1_000 }),
      officers: () => officersOf(model),
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
    const { model } = this;
    put(this.open.beside, held.checklists && model.may("alarm") ? h("button", { type: "button", cls: "primary", onclick: () => this.visit() }, t("beginVisit")) : null);
    if (this.open.ready(asked, ["open", "checklists"])) {
      const sorted = [...held.open].sort((a, b) => a.due - b.due);
      listed(this.open, sorted, (visit) => this.row(visit), t("noRounds"));
    }
    put(this.plans.beside, held.checklists && model.may("duty") ? h("button", { type: "button", onclick: () => this.plan(null) }, t("newPlan")) : null);
    if (this.plans.ready(asked, ["plans", "checklists"])) listed(this.plans, held.plans, (plan) => this.planRow(plan), t("noPlans"));
    if (this.done.ready(asked, ["done", "checklists"])) listed(this.done, held.done, (visit) => this.doneRow(visit), t("noRoundsDone"));
  }

  places(ids) {
    return ids.length ? inList(ids.map((id) => whereText(this.model, id))) : t("wholePark");
  }

  row(visit) {
    return h("li", { cls: `row round ${visit.state}` },
      h("span", { cls: "mark" }, word("round", visit.state)),
      h("div", { cls: "said" }, h("p", { cls: "what" }, h("a", { cls: "name", href: toPage(this.model.park, "round", visit.id) }, h("strong", {}, visitName(visit, this.parts.held.checklists)), " ", h("span", { cls: "place" }, this.places(visit.places)))),
        h("p", { cls: "facts" }, visit.day, " · ", officerName(this.parts.held.officers, visit.officer), " · ", progress(visit.answers.length, visit.items))),
      h("div", { cls: "when" }, dueText(visit.due), h("a", { cls: "button", href: toPage(this.model.park, "round", visit.id) }, t(this.model.may("alarm") ? "fillIn" : "look"))));
  }

  doneRow(visit) {
    return h("li", { cls: "row round" }, h("span", { cls: "mark" }, visit.late ? t("doneLate") : t("done")),
      h("div", { cls: "said" }, h("p", { cls: "what" }, h("a", { cls: "name", href: toPage(this.model.park, "round", visit.id) }, h("strong", {}, visitName(visit, this.parts.held.checklists)), " ", h("span", { cls: "place" }, this.places(visit.places)))),
        h("p", { cls: "facts" }, `${visit.day} · ${visit.done_by} · `, visit.hazards ? h("strong", {}, t("hazardsFound", { n: visit.hazards })) : t("nothingFound"))),
      h("div", { cls: "when" }, dated(visit.done)));
  }

  planRow(plan) {
    const checklist = this.parts.held.checklists.find((c) => c.key === plan.checklist);
    const may = this.model.may("duty");
    return h("li", { cls: "row plan-row" }, h("span", { cls: "mark" }, word("every", plan.every)),
      h("div", { cls: "said" }, h("p", { cls: "what" }, h("strong", {}, plan.name), " ", h("span", { cls: "place" }, this.places(plan.places))),
        h("p", { cls: "facts" }, [checklist ? inWords(checklist) : plan.checklist, t("fromDay", { day: plan.first }), plan.last ? t("untilDay", { day: plan.last }) : "", officerName(this.parts.held.officers, plan.officer),
          plan.grace ? t("graceDays", { n: plan.grace }) : ""].filter(Boolean).join(" · "))),
      h("div", { cls: "when" }, may ? [h("button", { type: "button", onclick: () => this.plan(plan) }, t("change")), h("button", { type: "button", onclick: () => this.end(plan) }, t("endNow"))] : null));
  }

  checklistChoice(chosen) {
    return choice("checklist", this.parts.held.checklists.map((c) => [c.key, `${inWords(c)} (${t("itemCount", { n: c.items.length })})`]), chosen);
  }

  async visit() {
    const checklist = this.checklistChoice(), place = placeField(this.model, "place", this.model.park);
    await dialog(t("beginVisit"), h("p", {}, t("visitAbout")), [{ label: t("checklist"), input: checklist }, { label: t("placeField"), input: place }], {
      text: t("begin"),
      run: async (key, where) => {
        const made = await post("/rounds", { park: this.model.park, checklist: key, places: Number(where) === this.model.park ? [] : [Number(where)] });
        location.hash = toPage(this.model.park, "round", made.id);
      },
    });
  }

  async plan(old) {
    const { model } = this;
    await model.settled; // names of places
    const places = several("places", [...model.buildings.values()].flatMap((b) => [[b.id, b.name, b.name], ...[...model.units.values()].filter((u) => u.building === b.id).map((u) => [u.id, u.name, b.name])]), old?.places);
    const last = dayField("last", old?.last ?? ""), first = dayField("first", old?.first ?? dayOf(), { required: true });
    const checklist = this.checklistChoice(old?.checklist);
    const done = await dialog(t(old ? "changePlan" : "newInspectionPlan"), h("p", {}, t("planAbout")), [
      { label: t("nameField"), input: words("name", old?.name ?? "", { required: true }) }, { label: t("checklist"), input: checklist },
      { label: t("everyField"), input: choice("every", EVERY.map((name) => [name, word("every", name)]), old?.every) }, { label: t("firstDay"), input: first }, { label: t("lastDay"), input: last },
      { label: t("whoWalks"), input: choice("officer", officerOptions(this.parts.held.officers), old?.officer) }, { label: t("graceField"), input: whole("grace", old?.grace ?? 0, 0, 60) },
      { label: t("placesField"), group: places.element },
    ], {
      text: t("keep"),
      run: (name, key, every, from, to, officer, grace) => {
        const body = { park: model.park, name, checklist: key, every, first: from, last: to, officer: Number(officer), grace: Number(grace), places: places.values() };
        return old ? replace(`/inspection-plans/${old.id}`, { ...body, version: old.version }) : post("/inspection-plans", body);
      },
    }, { wide: true });
    if (done) toast(t("kept"));
    this.parts.load();
  }

  async end(plan) {
    if (await sure(t("endPlan"), t("endPlanAbout", { name: plan.name }), t("endNow"), () => remove(`/inspection-plans/${plan.id}`))) toast(t("kept"));
    this.parts.load();
  }
}
