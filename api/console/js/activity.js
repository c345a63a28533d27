// The activity of an enterprise: a strip of a year of days, and why a day is told to be as it is.

import { get, Problem } from "./api.js";
import { h, put, s } from "./dom.js";
import { number, percent, unitText } from "./format.js";
import { empty, Panel, why } from "./panel.js";
import { lang, t } from "./texts.js";
import { word } from "./words.js";

const DAY = 86_400_000;
const STATES = ["active", "reduced", "half_stopped", "stopped", "dormant", "zombie_suspect", "unknown"];
const STEP = 13, CELL = 11, TOP = 16, LEFT = 2; // px
const UNITS = { energy_use: "kWh", power: "kWh", water_use: "m3" };

const numberOf = (day) => Math.round(Date.parse(`${day}T00:00:00Z`) / DAY);
const isoOf = (n) => new Date(n * DAY).toISOString().slice(0, 10);
const weekday = (n) => (n + 3) % 7; // Monday is 0
const said = (line) => (lang() === "zh" ? line.zh : line.en);
const monthText = (n) => new Date(n * DAY).toLocaleDateString(lang() === "zh" ? "zh-CN" : "en-GB", { month: "short", timeZone: "UTC" });

export class ActivityPanel {
  constructor() {
    this.panel = new Panel("activity", t("activity"));
    this.root = this.panel.root;
    this.root.hidden = true;
    this.strip = h("div", { cls: "strip-scroll" });
    this.detail = h("div", { cls: "activity-detail", role: "status" });
    this.firm = 0;
  }

  /** Show an enterprise; 0 shows nothing: a vacant unit has no activity. */
  async show(firm) {
    if (firm !== this.firm) put(this.panel.beside);
    this.firm = firm;
    this.root.hidden = !firm;
    if (!firm) return;
    if (!this.days) put(this.panel.body, h("div", { cls: "skeleton", role: "status", "aria-label": t("loading") }));
    try {
      const told = await get(`/enterprises/${firm}/activity`, { reasons: false });
      if (this.firm !== firm || this.closed) return;
      this.told = told;
      this.days = new Map(told.items.map((day) => [numberOf(day.day), day]));
      this.draw();
      if (told.items.length) await this.explain(this.chosen ?? numberOf(told.items.at(-1).day));
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.fail(problem);
    }
  }

  close() {
    this.closed = true;
  }

  fail(problem) {
    const text = problem.status === 403 ? t("forbiddenState", { why: why(problem) }) : t("errorState", { why: why(problem) });
    put(this.panel.body, h("p", { cls: `state ${problem.status === 403 ? "forbidden" : "error"}`, role: "alert" }, text, " ",
      h("button", { type: "button", onclick: () => this.show(this.firm) }, t("retry"))));
  }

  draw() {
    if (!this.days.size) return put(this.panel.body, empty(t("noActivity")));
    const last = numberOf(this.told.end) - 1;
    const monday = (n) => n - weekday(n);
    const first = monday(numberOf(this.told.start));
    const weeks = Math.floor((monday(last) - first) / 7) + 1;
    const width = LEFT + weeks * STEP, height = TOP + 7 * STEP;
    const cells = [], months = [];
    for (let n = first; n <= last; n += 1) {
      const day = this.days.get(n);
      const x = LEFT + Math.floor((n - first) / 7) * STEP, y = TOP + weekday(n) * STEP;
      const state = day ? day.state : "none";
      cells.push(s("rect", { cls: `day ${state}${n === this.chosen ? " chosen" : ""}`, x, y, width: CELL, height: CELL, rx: 2, data: { day: n } },
        day ? s("title", {}, this.line(day)) : null));
      if (isoOf(n).endsWith("-01")) months.push(s("text", { x, y: TOP - 5 }, monthText(n)));
    }
    const picture = s("svg", { cls: "strip", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", tabindex: 0, "aria-label": this.about(),
      onclick: (event) => event.target.dataset?.day && this.choose(Number(event.target.dataset.day)),
      onkeydown: (event) => this.key(event) }, hatching(), ...months, ...cells);
    put(this.strip, picture);
    const counts = STATES.map((state) => [state, this.told.items.filter((d) => d.state === state).length]).filter(([, n]) => n);
    const legend = h("ul", { cls: "strip-legend" }, counts.map(([state, n]) => h("li", {},
      s("svg", { viewBox: "0 0 11 11", width: 11, height: 11, "aria-hidden": "true" }, hatching(), s("rect", { cls: `day ${state}`, width: 11, height: 11, rx: 2 })),
      word("activity", state), h("span", { cls: "quiet" }, t("nDays", { n })))));
    put(this.panel.body, this.strip, legend, this.detail);
    this.strip.scrollLeft = this.strip.scrollWidth;
    return undefined;
  }

  /** What the strip says, for those who do not see it. */
  about() {
    const newest = this.told.items.at(-1);
    return t("stripAbout", { state: word("activity", newest.state), day: newest.day });
  }

  line(day) {
    const share = day.ratio === null ? "" : ` ${percent(day.ratio)}`;
    return `${day.day} ${word("activity", day.state)}${share}`;
  }

  key(event) {
    const step = { ArrowUp: -1, ArrowDown: 1, ArrowLeft: -7, ArrowRight: 7 }[event.key];
    if (!step) return;
    event.preventDefault();
    const days = [...this.days.keys()];
    const wanted = Math.min(Math.max((this.chosen ?? days.at(-1)) + step, days[0]), days.at(-1));
    if (this.days.has(wanted)) this.choose(wanted);
  }

  choose(n) {
    if (this.days.has(n)) this.explain(n).catch((problem) => (problem instanceof Problem ? this.fail(problem) : Promise.reject(problem)));
  }

  async explain(n) {
    this.chosen = n;
    for (const cell of this.strip.querySelectorAll(".day")) cell.classList.toggle("chosen", Number(cell.dataset.day) === n);
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const story = await get(`/enterprises/${this.firm}/activity/explanation`, { day: isoOf(n) });
    if (turn !== this.turn || this.closed) return;
    const { day } = story;
    put(this.panel.beside, h("span", { cls: "quiet" }, story.name));
    const unit = unitText(UNITS[story.measure] ?? "");
    const figure = day.ratio === null ? null : h("span", { cls: "quiet" }, t("shareOfUsual", { share: percent(day.ratio), amount: `${number(day.amount)} ${unit}`.trim(), expected: `${number(day.expected)} ${unit}`.trim() }));
    const since = day.since && day.since !== day.day ? h("span", { cls: "quiet" }, t("stateSince", { day: day.since })) : null;
    put(this.detail,
      h("p", { cls: `activity-state ${day.state}` }, h("time", {}, day.day), h("strong", {}, said(story)), since, figure),
      h("ul", { cls: "activity-reasons" }, day.reasons.map((reason) => h("li", {}, said(reason)))),
      this.spells(story), this.papers(story));
  }

  spells(story) {
    const some = story.spells.filter((spell) => spell.state !== "unknown").slice(-12).reverse();
    if (some.length < 2) return null;
    return h("details", {}, h("summary", {}, t("spells")), h("table", { cls: "spells" }, h("tbody", {}, some.map((spell) => h("tr", {},
      h("th", { scope: "row" }, spell.start === spell.end ? spell.start : `${spell.start} – ${spell.end}`),
      h("td", {}, said(spell)), h("td", { cls: "number" }, t("nDays", { n: spell.days })),
      h("td", { cls: "number" }, spell.ratio === null ? "—" : percent(spell.ratio)), h("td", {}, spell.reason ? said(spell.reason) : ""))))));
  }

  papers(story) {
    if (!story.papers.length) return h("p", { cls: "quiet" }, t("noPapers"));
    return h("ul", { cls: "papers", "aria-label": t("papers") }, story.papers.map((paper) => h("li", { cls: paper.withdrawn ? "withdrawn" : "" },
      `${word("paper", paper.kind)} ${paper.begin} – ${paper.end}`, paper.withdrawn ? ` (${t("withdrawn")})` : "", paper.note ? ` · ${paper.note}` : "")));
  }
}

/** Hatching for days that are not known. */
function hatching() {
  return s("defs", {}, s("pattern", { id: "unknown-day", width: 4, height: 4, patternUnits: "userSpaceOnUse" },
    s("path", { cls: "hatch", d: "M0 4 4 0" })));
}
