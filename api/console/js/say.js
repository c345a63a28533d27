// What the page says of things: places, conditions, findings, values. Sentences, no elements.

import { amount, number } from "./format.js";
import { lang, t } from "./texts.js";
import { word } from "./words.js";

const CHANNELS = { a: "A", b: "B", c: "C" };
const SUFFIX = /(股份有限公司|有限责任公司|有限公司)$/;

export const metricText = (metric) => (metric ? (lang() === "zh" ? metric.zh : metric.en) : "");
export const pointText = (point) => metricText(point) + (point.channel ? ` ${CHANNELS[point.channel] ?? point.channel}` : "");
export const shortName = (name) => (name ?? "").replace(SUFFIX, "");

/** Where a thing is, as far as the registry knows. */
export function whereText(model, place, subject = "") {
  if (subject.startsWith("unclaimed:")) return t("unclaimed", { key: subject.slice("unclaimed:".length) });
  const unit = model.units.get(model.unitOf(place));
  if (unit) return unit.name;
  return model.buildings.get(place)?.name ?? model.map?.name ?? t("wholePark");
}

/** A device's name without the place that stands before it. */
export function deviceText(model, device) {
  if (!device) return "";
  const where = whereText(model, device.place);
  const rest = device.name.startsWith(where) ? device.name.slice(where.length).trim() : device.name;
  return rest || word("kind", device.kind);
}

export const tenantText = (model, place) => model.units.get(model.unitOf(place))?.tenant?.name ?? "";

export const conditionText = (model, c) => `${whereText(model, model.placeOf(c), c.subject)} ${word("rule", c.rule)}`;

/** A value with its unit, or the word for its state. */
export function valueText(metric, value) {
  if (value === null || value === undefined) return "—";
  const state = metric?.states?.[value];
  return state ? word("value", state) : amount(value, metric?.unit, metric?.kind === "register");
}

export const metricOf = (model, point) => model.metrics.get(model.latest.get(point)?.metric);

export function measured(model, c) {
  const metric = metricOf(model, c.point) ?? model.measures.get(model.ruleOf(c.rule)?.metric);
  if (c.value === null || metric?.states?.length) return "";
  const value = `${metricText(metric)} ${valueText(metric, c.value)}`.trim();
  if (c.limit !== null && c.rule.startsWith("finding.")) return t("expectedOne", { value, expected: amount(c.limit, metric?.unit) });
  return c.limit === null ? t("valueOnly", { value }) : t("valueLimit", { value, limit: amount(c.limit, metric?.unit) });
}

/** What to do: of a fire always the same at once, else what the rule says, or what is known of such alarms. */
export function advice(model, c) {
  if (c.rule === "fire.confirmed") return t("adviceFireConfirmed");
  if (c.family === "fire") return t("adviceFire");
  if (c.family === "gas") return t("adviceGas");
  const said = model.ruleOf(c.rule)?.annotations[lang() === "zh" ? "runbook_zh" : "runbook_en"] || model.runbookOf(c.rule)?.[lang()];
  return said || t(c.rule.startsWith("limit.co_") ? "adviceGas" : "adviceLimit");
}

export function findingText(model, f) {
  const metric = metricOf(model, f.point);
  const value = metric ? valueText(metric, f.value) : number(f.value);
  if (f.value === null) return "";
  if (f.reason !== "usual_again" && f.low !== null && f.high !== null && f.low <= f.value && f.value <= f.high) {
    return t("expectedWithin", { value, kind: f.anomaly ? word("anomaly", f.anomaly) : word("reason", f.reason), low: number(f.low), high: amount(f.high, metric?.unit) });
  }
  if (f.low !== null && f.high !== null) return t("expected", { value, low: number(f.low), high: amount(f.high, metric?.unit) });
  return f.expected === null ? value : t("expectedOne", { value, expected: amount(f.expected, metric?.unit) });
}
