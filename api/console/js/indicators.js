// Figures beside their benchmarks: value, target, limit, how it stands in shape and word, where the benchmark is from.

import { h, shape } from "./dom.js";
import { age, number, percent } from "./format.js";
import { lang, t, translated } from "./texts.js";
import { word } from "./words.js";

const LONG = 120; // s: from here on in minutes, hours and days
const SHAPES = { met: "calm", over_target: "medium", over_limit: "high", unknown: "stale", none: "" };
// notes and sources that governance/kpi.py writes in English
const NOTES = ["notMarkedYet", "fewAlarms", "thirtyDays", "housePractice", "bsRate", "bsOne", "everyDevice"];

function amountOf(value, unit) {
  if (value === null || value === undefined) return "—";
  if (unit === "share") return percent(value);
  if (unit !== "s") return number(value);
  return Math.abs(value) < LONG ? `${number(value)} ${t("second")}` : age(value * 1_000);
}

export function indicatorTable(indicators) {
  const head = [t("figure"), t("value"), t("target"), t("limitHead"), t("standing"), t("source")];
  const cell = (i, cls, ...content) => h("td", { cls, data: { head: head[i] } }, h("span", {}, content)); // one thing beside its head on a phone
  const bound = (one, value) => (value === null ? "—" : `${one.least ? "≥" : "≤"} ${amountOf(value, one.unit)}`);
  return h("div", { cls: "scroll" }, h("table", { cls: "plain-table cards indicators" }, h("thead", {}, h("tr", {}, head.map((text, i) => h("th", { scope: "col", cls: i > 0 && i < 4 ? "number" : null }, text)))),
    h("tbody", {}, indicators.map((one) => h("tr", { cls: one.standing, data: { key: one.key } },
      h("th", { scope: "row" }, lang() === "zh" ? one.zh : one.en, one.note ? h("span", { cls: "quiet" }, ` ${translated(one.note, NOTES)}`) : null),
      cell(1, "number", h("strong", {}, amountOf(one.value, one.unit)), one.of ? h("span", { cls: "quiet" }, ` ${t("ofSample", { n: number(one.of) })}`) : null),
      cell(2, "number", bound(one, one.target)), cell(3, "number", bound(one, one.limit)),
      cell(4, "", SHAPES[one.standing] ? shape(SHAPES[one.standing]) : null, " ", word(one.least ? "standingLeast" : "standing", one.standing)), cell(5, "quiet", one.source ? translated(one.source, NOTES) : "—"))))));
}
