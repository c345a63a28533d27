// Hazards of a park: what was found, whose it is, until when; the overdue first. A new one is reported here.

import { all, get, post } from "./api.js";
import { dialog } from "./dialogs.js";
import { h, put } from "./dom.js";
import { choice, momentField, momentIn, note, placeField, renew, words } from "./fields.js";
import { now } from "./format.js";
import { about, dueText, listed, viewIn, viewTabs } from "./office.js";
import { Panel } from "./panel.js";
import { Parts } from "./parts.js";
import { toPage } from "./route.js";
import { ageSpan } from "./rows.js";
import { whereText } from "./say.js";
import { t } from "./texts.js";
import { word } from "./words.js";

const DAY = 86_400_000;
const VIEWS = { open: { state: ["found", "rectifying", "rectified"] }, overdue: { overdue: true }, inspect: { state: ["rectified"] }, over: { state: ["closed", "dismissed"] } };
const CATEGORIES = ["", "escape", "change_of_use", "illegal_building", "living_in", "sublet"];
const USUAL = 30; // days that a hazard has where nobody says otherwise, as the checklists
const MOST = 2_000; // rows of a view

export class HazardsPage {
  constructor(model) {
    this.model = model;
    this.panel = new Panel("hazards", t("navHazards"));
    this.bar = h("div", { cls: "bar" });
    this.root = h("div", { cls: "office-page" }, about(t("hazardsAbout")), this.panel.root);
    this.parts = new Parts(model, this.root, {
      hazards: () => all("/hazards", { park: model.park, ...VIEWS[this.view()] }, { by: "before", most: MOST }),
      counts: () => get("/hazards/counts", { park: model.park }),
    }, () => this.draw());
  }

  start() {
    this.parts.start();
  }

  close() {
    this.parts.close();
  }

  view() {
    return viewIn(Object.keys(VIEWS));
  }

  draw() {
    const { hazards, counts } = this.parts.held;
    put(this.panel.beside, this.model.may("alarm") ? h("button", { type: "button", cls: "primary", onclick: () => reportHazard(this.model) }, t("reportHazard")) : null);
    const number = { open: counts?.open, overdue: counts?.overdue, inspect: counts?.by_state.rectified };
    renew(this.bar, viewTabs("hazardView", Object.keys(VIEWS).map((name) => [name, number[name]]), this.view(), () => this.parts.load()),
      counts?.major ? h("span", { cls: "tag loud" }, t("majorOnes", { n: counts.major })) : null,
      counts ? h("ul", { cls: "status-counts" }, Object.entries(counts.by_category).map(([name, n]) => h("li", {}, word("category", name), " ", h("b", {}, String(n))))) : null);
    if (!this.bar.isConnected) this.panel.root.insertBefore(this.bar, this.panel.body);
    if (!this.panel.ready(this.parts.asked, ["hazards"])) return;
    const rank = (one) => [one.overdue ? 0 : 1, one.grade === "major" ? 0 : 1, one.due || Infinity];
    const sorted = [...hazards].sort((a, b) => compare(rank(a), rank(b)));
    listed(this.panel, sorted, (one) => this.row(one), t(this.view() === "open" ? "noHazards" : "noneHere"));
  }

  row(one) {
    const open = !["closed", "dismissed"].includes(one.state);
    return h("li", { cls: `row hazard ${one.overdue ? "late" : ""}` },
      h("span", { cls: "mark" }, word("hazard", one.state)),
      h("div", { cls: "said" },
        h("p", { cls: "what" }, h("a", { cls: "name", href: toPage(this.model.park, "hazard", one.id) }, h("span", { cls: "place" }, whereText(this.model, one.place)), " ", h("strong", {}, one.title)),
          one.grade === "major" ? h("span", { cls: "tag loud" }, word("grade", "major")) : null, one.category ? h("span", { cls: "tag" }, word("category", one.category)) : null),
        h("p", { cls: "facts" }, [one.note, one.five.responsible ? t("responsibleIs", { who: one.five.responsible }) : t("nobodyResponsible"), one.extended ? t("extendedTimes", { n: one.extended }) : ""].filter(Boolean).join(" · "))),
      h("div", { cls: "when" }, dueText(one.due, open), h("span", { cls: "age" }, t("foundAgo"), " ", ageSpan(one.found))));
  }
}

const compare = (a, b) => a.map((x, i) => x - b[i]).find((x) => x) ?? 0;

/** Ask what was found, and keep it; its page opens. */
export async function reportHazard(model, { place = model.park, title = "", origin = "" } = {}) {
  const due = momentField("due", now() + USUAL * DAY);
  await dialog(t("reportHazardTitle"), h("p", {}, t("reportHazardAbout")), [
    { label: t("reportWhere"), input: placeField(model, "place", place) },
    { label: t("hazardTitle"), input: words("title", title, { required: true }) },
    { label: t("grade"), input: choice("grade", ["general", "major"].map((name) => [name, word("grade", name)])) },
    { label: t("category"), input: choice("category", CATEGORIES.map((name) => [name, word("category", name || "other")])) },
    { label: t("dueField"), input: due },
    { label: t("hazardNote"), input: note("note") },
  ], {
    text: t("reportDo"),
    run: async (where, what, grade, category, _, text) => {
      const made = await post("/hazards", { park: model.park, place: Number(where), title: what, due: momentIn(due), grade, category, note: text, origin });
      location.hash = toPage(model.park, "hazard", made.id);
    },
  }, { wide: true });
}
