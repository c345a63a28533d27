// Figures beside their benchmarks: value, target, limit, how it stands in shape and word, where the benchmark is from.

import { h, shape } from "./dom.js";
import { number, percent } from "./format.js";
import { lang, t } from "./texts.js";
import { word } from "./words.js";

const SHAPES = { met: "calm", over_target: "medium", over_limit: "high", unknown: "stale", none: "" };

function amountOf(value, unit) {
  if (value === null || value === undefined) return "—";
  if (unit === "share") return percent(value);
  return unit === "s" ? `${number(value)} ${t("second")}` : number(value);
}

export function indicatorTable(indicators) {
  const head = [t("figure"), t("value"), t("target"), t("limitField"), t("standing"), t("source")];
  const bound = (one, value) => (value === null ? "—" : `${one.least ? "≥" : "≤"} ${amountOf(value, one.unit)}`);
  return h("div", { cls: "scroll" }, h("table", { cls: "plain-table cards indicators" }, h("thead", {}, h("tr", {}, head.map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, indicators.map((one) => h("tr", { cls: one.standing, data: { key: one.key } },
      h("th", { scope: "row" }, lang() === "zh" ? one.zh : one.en, one.note ? h("span", { cls: "quiet" }, ` ${one.note}`) : null),
      h("td", { cls: "number", data: { head: head[1] } }, h("strong", {}, amountOf(one.value, one.unit)), one.of ? h("span", { cls: "quiet" }, ` ${t("ofSample", { n: number(one.of) })}`) : null),
      h("td", { cls: "number", data: { head: head[2] } }, bound(one, one.target)), h("td", { cls: "number", data: { head: head[3] } }, bound(one, one.limit)),
      h("td", { data: { head: head[4] } }, SHAPES[one.standing] ? shape(SHAPES[one.standing]) : null, " ", word("standing", one.standing)), h("td", { cls: "quiet", data: { head: head[5] } }, one.source || "—"))))));
}
