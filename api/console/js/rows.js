// Rows of alarms, findings and devices: one sentence each. The same row everywhere.

import { get } from "./api.js";
import { h, shape } from "./dom.js";
import { age, moment, now } from "./format.js";
import { toPage, toUnit } from "./route.js";
import { advice, deviceText, findingText, measured, metricOf, metricText, tenantText, whereText } from "./say.js";
import { t } from "./texts.js";
import { word } from "./words.js";

const RESET = new Set(["fire", "gas"]); // latched; all else ends by itself

export const place = (model, at, subject = "") => {
  const unit = model.unitOf(at);
  const text = whereText(model, at, subject);
  const [noun, firm] = subject.split(":");
  if (noun === "enterprise") return h("a", { href: toPage(model.park, "firms", 0, `firm=${firm}`), cls: "place" }, text); // its evidence
  return unit ? h("a", { href: toUnit(model.park, unit), cls: "place" }, text) : h("span", { cls: "place" }, text);
};

export const ageSpan = (ms) => h("span", { cls: "age", data: { age: ms } }, age(now() - ms));

export const badge = (severity) =>
  h("span", { cls: `badge ${severity}` }, shape(severity), word("severity", severity));

/** What leads from a condition to the alarm that people have of it: looked up when it is asked for. */
const alarmLink = (model, c) => h("a", { cls: "name", href: toPage(model.park, "alarms", 0, c.place ? `place=${c.place}` : ""), onclick: async (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a window of its own shows the list
  event.preventDefault();
  const list = event.currentTarget.href;
  const items = await get("/alarms", { park: c.park, place: c.place, family: c.family, limit: 100 }).then((page) => page.items, () => []);
  const alarm = items.find((one) => one.subject === c.subject); // one is open of a family and a subject
  location.href = alarm ? toPage(model.park, "alarm", alarm.id) : list;
} }, h("strong", {}, word("rule", c.rule)));

/** An alarm: how bad, where, what, since when; why, how much, what to do; who may reset it. */
export function conditionRow(model, c, reset) {
  const at = model.placeOf(c);
  const over = c.state === "cleared";
  const tenant = tenantText(model, at);
  const device = model.devices.get(c.device);
  const facts = [word("reason", c.reason), deviceText(model, device), measured(model, c)].filter(Boolean);
  return h("li", { cls: `row condition ${c.severity}${c.rule === "fire.confirmed" && !over ? " fire" : ""}${over ? " over" : ""}` },
    badge(c.severity),
    h("div", { cls: "said" },
      h("p", { cls: "what" }, place(model, at, c.subject), " ", over ? h("strong", {}, word("rule", c.rule)) : alarmLink(model, c),
        tenant ? h("span", { cls: "tenant" }, tenant) : null,
        c.state === "latched" || c.state === "acknowledged" ? h("span", { cls: "tag" }, word("state", c.state)) : null,
        c.labels.map((label) => h("span", { cls: "tag" }, word("label", label)))),
      h("p", { cls: "facts" }, facts.join(" · "), over ? null : h("span", { cls: "advice" }, advice(model, c)))),
    h("div", { cls: "when" },
      h("time", { datetime: new Date(c.since).toISOString() }, moment(c.since)),
      over ? h("span", { cls: "age" }, t("ended", { at: moment(c.at) })) : ageSpan(c.since),
      reset && !over && RESET.has(c.family) && model.may("act")
        ? h("button", { type: "button", cls: "reset", onclick: () => reset(c) }, t("reset")) : null));
}

/** A finding, in one sentence. */
export function findingRow(model, f) {
  const metric = metricOf(model, f.point);
  const at = f.place || model.devices.get(f.device)?.place || 0;
  return h("li", { cls: `row finding ${f.severity}` },
    h("span", { cls: "mark", title: word("severity", f.severity) }, shape(f.severity), h("span", { cls: "unseen" }, word("severity", f.severity))),
    h("div", { cls: "said" },
      h("p", { cls: "what" }, place(model, at), " ", metric ? metricText(metric) : word("finding", f.kind), " ", h("span", { cls: "why" }, word("reason", f.reason))),
      h("p", { cls: "facts" }, findingText(model, f)),
      f.episode ? h("p", {}, h("a", { href: toPage(model.park, "finding", 0, `episode=${encodeURIComponent(f.episode)}`) }, t("episodeWhy"), h("span", { cls: "unseen" }, ` ${whereText(model, at)} ${metric ? metricText(metric) : ""}`))) : null),
    h("div", { cls: "when" }, h("time", { datetime: new Date(f.ts).toISOString() }, moment(f.ts)), ageSpan(f.ts)));
}

const STATUS_SHAPE = { gateway_down: "stale", silent: "stale", stuck: "medium", flapping: "medium", wrong_clock: "medium", low_battery: "low", never_seen: "stale", online: "calm" };

export const statusMark = (status) => h("span", { cls: `mark status ${status}` }, shape(STATUS_SHAPE[status] ?? "stale"), word("status", status));

/** A device and how it is; without its place where the page is about that place. */
export function deviceRow(model, d, { here = false } = {}) {
  const seen = d.last_seen ? [t("lastSeen"), " ", ageSpan(d.last_seen)] : [t("neverSeen")];
  return h("li", { cls: `row device ${d.status}` },
    statusMark(d.status),
    h("div", { cls: "said" },
      h("p", { cls: "what" }, here ? null : [place(model, d.place), " "], h("span", { cls: "name" }, deviceText(model, d)),
        d.mode !== "normal" ? h("span", { cls: "tag" }, word("mode", d.mode)) : null),
      h("p", { cls: "facts" }, word("kind", d.kind), " · ", seen)),
    h("div", { cls: "when" }, d.status !== "online" && d.since ? [h("time", {}, moment(d.since)), ageSpan(d.since)] : null));
}

/** The first so many of a list; what is hidden is counted, and one click away. */
export function cut(items, most, open) {
  return open || items.length <= most + 1 ? [items, 0] : [items.slice(0, most), items.length - most];
}

export function more(hidden, open, most, total, toggle) {
  if (!hidden && !(open && total > most + 1)) return null;
  return h("p", { cls: "more" }, hidden ? t("hidden", { n: hidden }) : null, " ",
    h("button", { type: "button", onclick: toggle }, hidden ? t("showAll") : t("showLess")));
}
