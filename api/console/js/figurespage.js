// How well alarms serve people: every figure beside its ISA-18.2, EEMUA 191 or BS 5839 benchmark; the report of a month.

import { get } from "./api.js";
import { h, put, shape } from "./dom.js";
import { choice, deviceName, renew, whole } from "./fields.js";
import { number, percent } from "./format.js";
import { indicatorTable } from "./indicators.js";
import { about, dated } from "./office.js";
import { empty, Panel } from "./panel.js";
import { Parts } from "./parts.js";
import { route, setQuery } from "./route.js";
import { lang, t } from "./texts.js";
import { dayOf, momentOf } from "./times.js";
import { word } from "./words.js";

const MONTHS = 13;
const RHYTHM = 300_000; // ms: counted from histories, and nothing hangs on them by the minute
const SEVERITIES = ["critical", "high", "medium", "low"];

/** This month and the ones before, as "2026-11". */
function months() {
  const [year, month] = dayOf().split("-").map(Number);
  return Array.from({ length: MONTHS }, (_, n) => new Date(Date.UTC(year, month - 1 - n, 1)).toISOString().slice(0, 7));
}

/** The moments between which a month lies, in the park. */
function spanOf(month) {
  const [year, number_] = month.split("-").map(Number);
  return { start: momentOf(`${month}-01T00:00`), end: momentOf(`${new Date(Date.UTC(year, number_, 1)).toISOString().slice(0, 7)}-01T00:00`) };
}

export class FiguresPage {
  constructor(model) {
    this.model = model;
    this.figures = new Panel("figures", t("navFigures"));
    this.sources = new Panel("top", t("topSources"));
    this.rules = new Panel("precision", t("precisionByRule"));
    this.floods = new Panel("floods", t("floodsAndChatter"));
    this.bar = h("div", { cls: "bar" });
    this.root = h("div", { cls: "office-page" }, about(t("figuresAbout")), this.figures.root, h("div", { cls: "two" }, this.sources.root, this.floods.root), this.rules.root);
    this.parts = new Parts(model, this.root, { kpi: () => get("/kpi", this.query()) }, () => this.draw(), { every: RHYTHM });
  }

  start() {
    this.parts.start();
  }

  close() {
    this.parts.close();
  }

  query() {
    const { month, positions } = this.wanted();
    return { park: this.model.park, positions, ...(month ? spanOf(month) : {}) };
  }

  wanted() {
    const { query } = route();
    const month = query.get("month") ?? "";
    return { month: months().includes(month) ? month : "", positions: Math.min(100, Math.max(1, Number(query.get("positions")) || 1)) };
  }

  drawBar() {
    const { month, positions } = this.wanted();
    const chosen = (changes) => {
      setQuery(changes);
      this.drawBar();
      this.parts.load();
    };
    const asked = new URLSearchParams({ park: this.model.park, positions });
    const span = month ? spanOf(month) : {};
    const report = new URLSearchParams({ park: this.model.park, positions, month: month || months()[0], lang: lang() });
    renew(this.bar, h("label", { cls: "inline" }, t("period"), " ", choice("month", [["", t("last30")], ...months().map((m) => [m, m])], month, { onchange: (event) => chosen({ month: event.target.value }) })),
      h("label", { cls: "inline" }, t("positions"), " ", whole("positions", positions, 1, 100, { onchange: (event) => chosen({ positions: event.target.value === "1" ? null : event.target.value }) })),
      h("a", { cls: "button", href: `/api/v1/kpi/report?${report}`, target: "_blank", rel: "noopener" }, t("monthlyReport", { month: month || months()[0] })),
      h("a", { cls: "button", href: `/api/v1/kpi.csv?${new URLSearchParams({ ...Object.fromEntries(asked), ...span })}`, download: `kpi-${month || dayOf()}.csv` }, t("asTable")));
    if (!this.bar.isConnected) this.figures.root.insertBefore(this.bar, this.figures.body);
  }

  draw() {
    const { asked, held } = this.parts;
    this.drawBar();
    for (const panel of [this.sources, this.rules, this.floods]) panel.ready(asked, ["kpi"]);
    if (!this.figures.ready(asked, ["kpi"])) return;
    const { kpi } = held;
    const whole_ = SEVERITIES.reduce((sum, severity) => sum + (kpi.mix[severity] ?? 0), 0);
    put(this.figures.beside, h("span", { cls: "quiet" }, `${dated(kpi.start)} – ${dated(kpi.end)}`));
    put(this.figures.body, h("p", { cls: "state" }, t("alarmsOfTime", { n: number(kpi.alarms), held: number(kpi.held_back), detectors: number(kpi.detectors) })),
      h("ul", { cls: "mix" }, SEVERITIES.map((severity) => h("li", {}, shape(severity), " ", word("severity", severity), " ", h("b", {}, number(kpi.mix[severity] ?? 0)), whole_ ? h("span", { cls: "quiet" }, ` ${percent((kpi.mix[severity] ?? 0) / whole_)}`) : null))),
      indicatorTable(kpi.indicators));
    this.drawSources(kpi);
    this.drawFloods(kpi);
    this.drawRules(kpi);
  }

  /** "limit.over_voltage point:40": the rule in words, and what it is about. */
  sourceText(source) {
    const [rule, about_ = ""] = source.split(" ");
    const [kind, key] = about_.split(":");
    if (kind === "device") return `${word("rule", rule)} ${deviceName(this.model, Number(key))}`;
    const place = kind === "place" ? this.model.units.get(Number(key))?.name ?? this.model.buildings.get(Number(key))?.name : "";
    const device = kind === "point" ? this.model.latest.get(Number(key))?.device : 0;
    return `${word("rule", rule)} ${device ? deviceName(this.model, device) : place || about_}`;
  }

  drawSources(kpi) {
    put(this.sources.body, kpi.top.length ? h("table", { cls: "plain-table" }, h("tbody", {}, kpi.top.map((one) => h("tr", {}, h("th", { scope: "row" }, this.sourceText(one.source)), h("td", { cls: "number" }, number(one.alarms)), h("td", { cls: "number" }, percent(one.share)))))) : empty(t("noAlarmsThen")));
  }

  drawFloods(kpi) {
    const repeated = Object.entries(kpi.repeated);
    put(this.floods.body, h("h3", {}, t("floods")), kpi.floods.length ? h("ul", { cls: "plain-list" }, kpi.floods.map((flood) => h("li", {}, t("floodLine", { start: dated(flood.start), end: dated(flood.end), n: flood.alarms, peak: flood.peak })))) : empty(t("noFloods")),
      h("h3", {}, t("chattering")), kpi.chattering.length ? h("ul", { cls: "plain-list" }, kpi.chattering.map((one) => h("li", {}, `${this.sourceText(one.source)}: ${number(one.alarms)}`))) : empty(t("noChattering")),
      repeated.length ? [h("h3", {}, t("falseAgain")), h("ul", { cls: "plain-list" }, repeated.map(([device, n]) => h("li", {}, `${deviceName(this.model, Number(device))}: ${n}`)))] : null);
  }

  drawRules(kpi) {
    const head = [t("ruleField"), t("alarmsPage"), t("realOnes"), t("falseOnes"), t("notMarked"), t("precision")];
    put(this.rules.body, kpi.rules.length ? h("div", { cls: "scroll" }, h("table", { cls: "plain-table cards" }, h("thead", {}, h("tr", {}, head.map((text, i) => h("th", { scope: "col", cls: i ? "number" : null }, text)))),
      h("tbody", {}, kpi.rules.map((one) => h("tr", {}, h("th", { scope: "row" }, word("rule", one.rule)), [one.alarms, one.real, one.false, one.undecided].map((n, i) => h("td", { cls: "number", data: { head: head[i + 1] } }, number(n))),
        h("td", { cls: "number", data: { head: head[5] } }, one.precision === null ? "—" : percent(one.precision))))))) : empty(t("noAlarmsThen")));
  }
}
