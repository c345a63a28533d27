// Forms of duty: a person with the ways to reach him, a rota with its shifts, somebody who stands in for somebody.

import { post, replace } from "./api.js";
import { dialog } from "./dialogs.js";
import { h } from "./dom.js";
import { choice, dayField, momentField, momentIn, rowsOf, several, words } from "./fields.js";
import { now, parkZone } from "./format.js";
import { t } from "./texts.js";
import { clockText, minuteOf } from "./times.js";
import { word } from "./words.js";

const HOUR = 3_600_000;
const CHANNELS = ["sms", "voice", "email", "dingtalk", "wecom", "feishu"];
const DAY = 1_440;
const MIDNIGHT = "00:00";

const keep = (path, old, body) => (old ? replace(`/${path}/${old.id}`, { ...body, version: old.version }) : post(`/${path}`, body));
const scope = (model, old) => old?.park ?? model.park;

/** Ask for an officer; resolves true once kept. */
export function officerForm(model, old) {
  const contacts = rowsOf(old?.contacts ?? [{ channel: "sms", address: "" }], (contact) => {
    const names = [...new Set([...CHANNELS, contact?.channel].filter(Boolean))];
    const channel = choice("channel", names.map((name) => [name, word("channel", name)]), contact?.channel, { "aria-label": t("channelField") });
    const address = words("address", contact?.address ?? "", { required: true, maxlength: 500, "aria-label": t("addressField"), placeholder: t("addressField") });
    return { element: h("div", { cls: "field-row" }, channel, address), value: () => ({ channel: channel.value, address: address.value.trim() }) };
  }, t("addContact"), { most: 10 });
  return dialog(t(old ? "changeOfficer" : "newOfficer"), h("p", {}, t("officerAbout")), [
    { label: t("nameField"), input: words("name", old?.name ?? "", { required: true }) }, { label: t("contacts"), group: contacts.element, hint: t("contactsHint") },
    { label: t("keyNameField"), input: words("key_name", old?.key_name ?? ""), hint: t("keyNameHint") }, { label: t("language_"), input: choice("language", ["zh", "en"].map((name) => [name, word("language", name)]), old?.language) },
  ], { text: t("keep"), run: (name, key, language) => keep("officers", old, { park: scope(model, old), name, contacts: contacts.rows(), key_name: key, language }) }, { wide: true });
}

function shiftRow(officers, shift) {
  const who = choice("officer", officers.map((o) => [o.id, o.name]), shift?.officer, { "aria-label": t("whoField"), required: true });
  const begin = h("input", { type: "time", name: "start", required: true, value: clockText(shift?.start ?? 480), "aria-label": t("fromField") });
  const end = h("input", { type: "time", name: "end", required: true, value: clockText((shift?.end ?? 1_200) % DAY), "aria-label": t("toField") });
  const days = several("days", [0, 1, 2, 3, 4, 5, 6].map((day) => [day, word("weekday", String(day))]), shift?.days ?? [0, 1, 2, 3, 4, 5, 6]);
  const first = dayField("first", shift?.first ?? "", { "aria-label": t("firstDay") }), last = dayField("last", shift?.last ?? "", { "aria-label": t("lastDay") });
  return {
    element: h("div", { cls: "field-row shift" }, who, h("span", { cls: "hours" }, begin, "–", end), days.element, h("details", {}, h("summary", {}, t("onlyBetween")), h("div", { cls: "field-row" }, first, last))),
    // 00:00 as an end is the end of the day
    value: () => ({ officer: Number(who.value), start: minuteOf(begin.value), end: end.value === MIDNIGHT ? DAY : minuteOf(end.value), days: days.values(), first: first.value, last: last.value }),
  };
}

/** Ask for a rota; resolves true once kept. */
export function rotaForm(model, officers, old) {
  const shifts = rowsOf(old?.shifts ?? [undefined], (shift) => shiftRow(officers, shift), t("addShift"), { most: 200 });
  const about = officers.length ? t("rotaAbout") : t("officersFirst");
  return dialog(t(old ? "changeRota" : "newRota"), h("p", {}, about), [
    { label: t("nameField"), input: words("name", old?.name ?? "", { required: true }) }, { label: t("shifts"), group: shifts.element, hint: t("shiftsHint") },
  ], { text: t("keep"), run: (name) => keep("rotas", old, { park: scope(model, old), name, timezone: old?.timezone ?? parkZone(), shifts: shifts.rows(), substitutes: old?.substitutes ?? [] }) }, { wide: true });
}

/** Ask who stands in for whom; resolves true once kept. */
export function standInForm(rota, officers) {
  const names = officers.map((o) => [o.id, o.name]);
  const named = new Set(rota.shifts.map((shift) => shift.officer));
  const starts = momentField("starts"), ends = momentField("ends", now() + 12 * HOUR);
  return dialog(t("standInTitle"), h("p", {}, t("standInAbout")), [
    { label: t("awayField"), input: choice("officer", names.filter(([id]) => named.has(id))) }, { label: t("byField"), input: choice("by", names) }, { label: t("fromField"), input: starts }, { label: t("toField"), input: ends },
  ], { text: t("keep"), run: (officer, by) => post(`/rotas/${rota.id}/substitutes`, { officer: Number(officer), by: Number(by), starts: momentIn(starts), ends: momentIn(ends), version: rota.version }) });
}
