// What pages of the office share: who people are, days, a list's views, what a page is for.

import { get } from "./api.js";
import { h, put } from "./dom.js";
import { age, moment, now, yearText } from "./format.js";
import { setQuery, route } from "./route.js";
import { lang, t } from "./texts.js";
import { word } from "./words.js";

/** One sentence under the header: what this page is for. */
export const about = (text) => h("p", { cls: "calm-note" }, text);

/** What is in both languages, in the present one. */
export const inWords = (thing) => (lang() === "zh" ? thing.zh : thing.en);

/** The name of a visit: its plan's, or its checklist's where nobody planned it. */
export function visitName(visit, checklists) {
  const checklist = visit.plan ? null : checklists?.find((one) => one.key === visit.checklist);
  return checklist ? inWords(checklist) : visit.name;
}

/** Officers by number, for those who may know them; nobody otherwise. */
export const officersOf = async (model) => (model.may("alarm") ? (await get("/officers")).items : []);
export const officerName = (officers, id) => officers?.find((o) => o.id === id)?.name ?? (id ? `#${id}` : t("everybody"));
export const officerOptions = (officers) => [[0, t("everybody")], ...(officers ?? []).map((o) => [o.id, o.name])];

/** A day and a moment, whichever year. */
export const dated = (ms) => (ms ? `${yearText(ms)} ${moment(ms).split(" ").at(-1)}` : "—");

/** Until when, and how long that is; loud once it is over. */
export function dueText(due, open = true) {
  if (!due) return h("span", { cls: "quiet" }, t("noLimit"));
  const left = due - now();
  if (!open) return h("span", { cls: "quiet" }, t("dueAt", { at: dated(due) }));
  return left < 0 ? h("strong", { cls: "overdue" }, t("overdueBy", { age: age(-left) })) : h("span", {}, t("dueIn", { at: dated(due), age: age(left) }));
}

/** Buttons that choose a view, kept in the address: `views` are [name, count]; the first is where one begins. */
export function viewTabs(group, views, chosen, choose) {
  return h("div", { cls: "tabs", role: "group", "aria-label": t("views") }, views.map(([name, count]) => h("button", {
    type: "button", data: { view: name }, "aria-pressed": String(name === chosen),
    onclick: () => {
      setQuery({ view: name === views[0][0] ? null : name });
      choose(name);
    } }, word(group, name), count === undefined || count === null ? null : h("b", {}, String(count)))));
}

/** The view that the address names, or the first. */
export const viewIn = (names) => (names.includes(route().query.get("view")) ? route().query.get("view") : names[0]);

/** A list of rows in a panel, or what to say where there is none. */
export function listed(panel, items, row, none) {
  put(panel.body, items.length ? h("ul", { cls: "rows" }, items.map(row)) : h("p", { cls: "state empty" }, none));
}

export const factsOf = (pairs) => h("dl", { cls: "facts-list" }, pairs.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, t(name)), h("dd", {}, value))));

/** A share of a whole as a bar and in words. */
export const progress = (done, of) => h("span", { cls: "progress" }, h("progress", { value: done, max: Math.max(1, of), "aria-label": t("progressOf", { done, of }) }), h("span", { cls: "quiet" }, `${done}/${of}`));
