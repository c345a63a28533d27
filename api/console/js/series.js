// Which curve a point gets, how wide its windows are, and how much of the time was good.

import { get, Problem } from "./api.js";
import { amount, now } from "./format.js";
import { conditionId } from "./model.js";
import { deviceText, metricText, pointText } from "./say.js";
import { t } from "./texts.js";

const M = 60_000, H = 60 * M, D = 24 * H;
const WINDOWS = 240; // of a line: about one for three pixels of a laptop's chart

export const RANGES = { "1h": H, "6h": 6 * H, "24h": D, "7d": 7 * D, "30d": 30 * D, "180d": 180 * D };
export const REFRESH = { "1h": 10_000, "6h": 30_000, "24h": 60_000, "7d": 300_000, "30d": 600_000, "180d": 600_000 };
const BARS = { "1h": 5 * M, "6h": 15 * M, "24h": H, "7d": 6 * H, "30d": D, "180d": 7 * D };

// What a person looks at first, in this order; the rest is one click away.
export const FIRST = ["power", "energy_use", "people_inside", "water_use", "temperature", "smoke_obscuration", "co", "residual_current",
  "machine", "output_count", "people_in", "vehicles_in", "parcels", "nmhc", "cod", "noise", "voltage", "transformer_load", "water_pressure"];
const SHOWN = 8;
export const ABOUT_DEVICES = new Set(["battery", "signal", "low_battery", "online", "tamper", "fault"]);

/** Points of one device and metric share a chart: the phases of a meter. By the first point's number. */
export function groupsOf(points) {
  const groups = new Map();
  for (const point of points) {
    const key = `${point.device}/${point.metric}`;
    if (!groups.has(key)) groups.set(key, { id: point.id, points: [] });
    groups.get(key).points.push(point);
  }
  return [...groups.values()];
}

export function firstOf(groups) {
  const chosen = [];
  for (const metric of FIRST) {
    const group = groups.find((g) => g.points[0].metric === metric && g.points.some((p) => p.latest));
    if (group) chosen.push(group.id);
  }
  return chosen.slice(0, SHOWN);
}

// Readings are kept for some months, then finer sums go; what is left is wider than an alarm, so more is shown around it.
const KEPT = [{ step: M, room: 0 }, { step: 15 * M, room: 6 * H }, { step: H, room: D }, { step: D, room: 14 * D }];

/** Windows of some points between two times; of a past of which nothing so fine is kept, the finest that is. */
export async function windowsOf(ids, start, end, query) {
  const ask = async (from, to, how) => ({ start: from, end: to, answers: await Promise.all(ids.map((id) => get(`/points/${id}/readings`, { start: from, end: to, ...how }))) });
  const some = ({ answers }) => answers.some((one) => one.ts.length);
  const wanted = await ask(start, end, query);
  if (some(wanted) || end > now() - D) return { ...wanted, kept: 0 };
  for (const { step, room } of KEPT) {
    const found = await ask(start - room, Math.min(end + room, Math.ceil(now())), { step });
    if (some(found)) return { ...found, kept: step };
  }
  return { ...wanted, kept: 0 };
}

const kindOf = ([point, second]) => (second ? "lines" : point.kind === "interval" || point.kind === "count" ? "bars" : point.kind === "state" ? "steps" : "band");

/** Ask for what a group's chart needs, up to now. */
export function specOf(model, group, range, history, device, episodes = []) {
  const end = Math.ceil(now());
  return specBetween(model, group, { start: end - RANGES[range], end, bar: BARS[range] }, history, device, episodes);
}

/** Ask for what a group's chart needs between two times; bars are as wide as what was usual of them. */
export async function specBetween(model, group, wanted, history, device, episodes = []) {
  const { points } = group;
  const [point] = points;
  const kind = kindOf(points);
  const query = kind === "bars" ? { step: Math.max(wanted.bar ?? H, point.source ? 15 * M : 0) } : { buckets: WINDOWS };
  const usual = usualOf(point, points.length > 1 ? "lines" : kind, wanted.start, wanted.end);
  const { answers, start, end, kept } = await windowsOf(points.map((p) => p.id), wanted.start, wanted.end, query);
  const series = points.map((p, i) => ({ label: points.length > 1 ? pointText(p) : metricText(p), windows: answers[i], interval: p.interval }));
  const share = (w) => Math.min(1, w.good.reduce((sum, good) => sum + good * w.step, 0) / (end - start));
  const own = new Set(points.map((p) => p.id));
  const title = points.length > 1 || !point.channel ? metricText(point) : pointText(point);
  return {
    title: device ? `${title} · ${deviceText(model, device)}` : title, unit: point.unit, kind, series, start, end, kept,
    states: kind === "steps" ? point.states : null,
    limits: kind === "band" || kind === "lines" ? limitsOf(model, point, device) : [],
    marks: history.filter((c) => own.has(c.point) || (c.device === point.device && kind !== "bars" && (c.family === "fire" || c.family === "gas")))
      .map((c) => ({ from: c.since, to: c.state === "cleared" ? c.at : end, severity: c.severity, id: conditionId(c) }))
      .concat(episodes.filter((e) => own.has(e.point)).map((e) => ({ from: e.since, to: e.until ?? end, severity: e.severity, id: e.id }))),
    dots: model.findings.filter((f) => own.has(f.point)).map((f) => ({ ts: f.ts, severity: f.severity })),
    usual: fitting(await usual, kind, answers[0].step),
    good: answers.reduce((sum, w) => sum + share(w), 0) / answers.length,
  };
}

/** What was usual of a point by hours; null where that cannot be drawn, or is not to be had. */
async function usualOf(point, kind, start, end) {
  if (kind !== "band" && kind !== "bars") return null;
  try {
    return await get(`/points/${point.id}/bands`, { from: start - H, to: end });
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return null; // the chart stands without it
  }
}

/** Amounts are usual for an hour: bars of other widths have no band. Too young hours have none either. */
function fitting(usual, kind, step) {
  if (!usual?.ts.length || (kind === "bars" && usual.step !== step)) return null;
  const rows = usual.ts.map((ts, i) => ({ ts, low: usual.low[i], high: usual.high[i], expected: usual.expected[i] })).filter((_, i) => !usual.too_young[i]);
  return rows.length ? { step: usual.step, rows } : null;
}

function limitsOf(model, point, device) {
  const rows = model.limits.filter((row) => row.metric === point.metric && !row.rule.endsWith("_rise") && (!row.kinds.length || row.kinds.includes(device?.kind)));
  const sides = rows.flatMap((row) => [["limitHigh", row.high], ["limitLow", row.low]].filter(([, value]) => value !== null)
    .map(([text, value]) => ({ value, severity: row.severity, text: t(text, { value: amount(value, point.unit) }) })));
  return sides.filter((one, i) => sides.findIndex((other) => other.value === one.value) === i);
}
