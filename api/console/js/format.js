// Numbers, units, ages and times: by language, in the park's own zone.

import { lang, t } from "./texts.js";

const UNITS_ZH = { nights: "晚", d: "天", min: "分钟" };
const UNITS = { degC: "°C", m3: "m³", "m3/h": "m³/h", "ug/m3": "µg/m³", "mg/m3": "mg/m³", "1/m2": "/m²", "%LEL": "% LEL" };

let zone = "Asia/Shanghai";
let skew = Date.now() - performance.now(); // until the server has told its time

/** Take the park's zone. */
export const setZone = (name) => (zone = name);
export const parkZone = () => zone;

/** Take the server's time: all ages are counted against it, whatever this machine's clock says. */
export const setNow = (at) => (skew = at - performance.now());
export const now = () => performance.now() + skew;

const locale = () => (lang() === "zh" ? "zh-CN" : "en-GB");
const kept = new Map();
function formatter(kind, options) {
  const key = `${locale()} ${zone} ${JSON.stringify(options)}`;
  if (!kept.has(key)) kept.set(key, kind === "n" ? new Intl.NumberFormat(locale(), options) : new Intl.DateTimeFormat(locale(), { timeZone: zone, ...options }));
  return kept.get(key);
}

export const unitText = (unit) => (lang() === "zh" ? UNITS_ZH[unit] : null) ?? UNITS[unit] ?? unit ?? "";

/** A number as people read it: about four figures; "—" where there is none. */
export function number(value, exact = false) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "—";
  const size = Math.abs(value);
  const digits = exact ? 2 : size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  const text = formatter("n", { maximumFractionDigits: digits }).format(value);
  return text === "-0" ? "0" : text;
}

export const amount = (value, unit, exact) => {
  const text = number(value, exact);
  return unit && text !== "—" ? `${text} ${unitText(unit)}` : text;
};

/** Some things one after the other. */
export const inList = (some) => some.join(lang() === "zh" ? "、" : ", ");

export const percent = (share) => formatter("n", { style: "percent", maximumFractionDigits: share > 0.99 && share < 1 ? 1 : 0 }).format(share);

const S = 1_000, M = 60 * S, H = 60 * M, D = 24 * H;

/** How long: two words at most. */
export function age(ms) {
  if (ms === null || ms === undefined) return "—";
  const a = Math.max(0, ms);
  const two = (big, bigName, small, smallName) => (small ? `${big} ${t(bigName)} ${small} ${t(smallName)}` : `${big} ${t(bigName)}`);
  if (a < M) return `${Math.floor(a / S)} ${t("second")}`;
  if (a < H) return `${Math.floor(a / M)} ${t("minute")}`;
  if (a < D) return two(Math.floor(a / H), "hour", Math.floor((a % H) / M), "minute");
  return two(Math.floor(a / D), "day", Math.floor((a % D) / H), "hour");
}

export const clock = (ms) => formatter("d", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(ms);
export const hourMinute = (ms) => formatter("d", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(ms);
const month = () => (lang() === "zh" ? "2-digit" : "short"); // 7/11 is two different days to English readers
export const dayText = (ms) => formatter("d", { month: month(), day: "2-digit" }).format(ms);
export const dateText = (ms) => formatter("d", { year: "numeric", month: month(), day: "2-digit", weekday: "short" }).format(ms);
export const yearText = (ms) => formatter("d", { year: "numeric", month: month(), day: "2-digit" }).format(ms);

/** A moment: the clock today, with the day otherwise. */
export function moment(ms) {
  if (!ms) return "—";
  return dayText(ms) === dayText(now()) && Math.abs(now() - ms) < D ? clock(ms) : `${dayText(ms)} ${hourMinute(ms)}`;
}

export function zoneText() {
  const part = formatter("d", { timeZoneName: "shortOffset" }).formatToParts(now()).find((p) => p.type === "timeZoneName");
  return (part?.value ?? zone).replace("GMT", "UTC");
}

/** Ages of all [data-age] go on; what outlives [data-stale] says so. Once a second. */
export function tick() {
  const at = now();
  for (const element of document.querySelectorAll("[data-age]")) {
    const text = age(at - Number(element.dataset.age));
    if (element.textContent !== text) element.textContent = text;
  }
  for (const element of document.querySelectorAll("[data-stale]")) {
    element.classList.toggle("stale", at > Number(element.dataset.stale));
  }
}
