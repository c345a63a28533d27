// Fields of forms: one way to ask for words, a choice, several things, a place, a day, a moment.

import { h, put } from "./dom.js";
import { now } from "./format.js";
import { whereText, deviceText } from "./say.js";
import { t } from "./texts.js";
import { dayOf, localText, momentOf } from "./times.js";

export const NAME_MOST = 200;
export const NOTE_MOST = 2_000;

export const words = (name, value = "", more = {}) => h("input", { name, value, maxlength: NAME_MOST, autocomplete: "off", ...more });
export const whole = (name, value, least, most, more = {}) => h("input", { type: "number", name, value, min: least, max: most, step: 1, required: true, inputmode: "numeric", ...more });
export const note = (name, { value = "", required = false, rows = 3, most = NOTE_MOST, ...more } = {}) => {
  const area = h("textarea", { name, required, maxlength: most, rows, ...more });
  area.value = value;
  return area;
};
export const option = (value, text, chosen) => h("option", { value, selected: String(value) === String(chosen) }, text);
/** A choice: `options` are [value, text]. */
export const choice = (name, options, chosen, more = {}) => h("select", { name, ...more }, options.map(([value, text]) => option(value, text, chosen)));
export const tick = (name, checked = false) => h("input", { type: "checkbox", name, checked });

/** Buildings with their units, in order; `whole`: the park itself stands first. */
export function placeOptions(model, chosen, { park = true } = {}) {
  const unitsOf = (building) => [...model.units.values()].filter((unit) => unit.building === building);
  const unitText = (unit) => (unit.tenant ? `${unit.name} ${unit.tenant.name}` : unit.name);
  return [park ? option(model.park, t("wholePark"), chosen) : null, [...model.buildings.values()].map((building) => h("optgroup", { label: building.name },
    option(building.id, building.name, chosen), unitsOf(building.id).map((unit) => option(unit.id, unitText(unit), chosen))))];
}
/** A choice of a place; where the map is still on its way it fills when that comes: a fire is reported at once. */
export function placeField(model, name, chosen, more = {}) {
  const field = h("select", { name, ...more }, placeOptions(model, chosen));
  if (!model.loaded.has("map")) {
    const off = model.on((topic) => {
      if (topic !== "map") return;
      off();
      put(field, placeOptions(model, field.value));
    });
  }
  return field;
}

/** A device in a few words, with its place. */
export function deviceName(model, key) {
  const device = model.devices.get(key);
  return device ? `${whereText(model, device.place)} ${deviceText(model, device)}` : `#${key}`;
}

const FILTERED = 20; // choices from which on they can be searched

/** Several of some things: {element, values()}. `options` are [value, text, group]; a group is chosen whole by its name. */
export function several(name, options, chosen = []) {
  const wanted = new Set(chosen.map(String));
  const boxes = options.map(([value, text, group]) => {
    const input = h("input", { type: "checkbox", name, value, checked: wanted.has(String(value)) });
    return { group, value, input, text, label: h("label", { cls: "box" }, input, h("span", {}, text)) };
  });
  const groups = [...new Set(boxes.map((box) => box.group))];
  const parts = groups.map((group) => {
    const some = boxes.filter((box) => box.group === group);
    if (!group) return some.map(({ label }) => label);
    const all = h("button", { type: "button", cls: "flat", onclick: () => {
      const shown = some.filter(({ label }) => !label.hidden);
      const on = !shown.every(({ input }) => input.checked);
      shown.forEach(({ input }) => { input.checked = on; });
    } }, group);
    return h("div", { cls: "several-group", role: "group", "aria-label": group }, all, some.map(({ label }) => label));
  });
  const search = h("input", { type: "search", "aria-label": t("searchThese"), placeholder: t("searchThese"), oninput: () => {
    const asked = search.value.trim().toLowerCase();
    for (const { label, text } of boxes) label.hidden = Boolean(asked) && !text.toLowerCase().includes(asked);
  } });
  const list = h("div", { cls: "several" }, parts);
  return { element: boxes.length > FILTERED ? h("div", { cls: "searched" }, search, list) : list, values: () => boxes.filter(({ input }) => input.checked).map(({ value }) => value) };
}

export const dayField = (name, day = dayOf(), more = {}) => h("input", { type: "date", name, value: day, ...more });
export const momentField = (name, ms = now(), more = {}) => h("input", { type: "datetime-local", name, value: localText(ms), required: true, ...more });
/** The moment of such a field, in the park's zone (epoch ms). */
export const momentIn = (input) => momentOf(input.value);

/** Rows of fields that can be added and taken away: {element, rows()}; `make(value)` gives {element, value()}. */
export function rowsOf(values, make, addText, { least = 0, most = 20, fresh = () => undefined } = {}) {
  const list = h("ol", { cls: "field-rows" });
  const kept = [];
  const add = h("button", { type: "button", onclick: () => grow(fresh(), true) }, addText);
  const show = () => {
    for (const { away } of kept) away.disabled = kept.length <= least;
    add.disabled = kept.length >= most;
    add.hidden = !addText;
  };
  function grow(value, focus) {
    const row = make(value);
    const away = h("button", { type: "button", cls: "flat", "aria-label": t("takeAway"), onclick: () => {
      kept.splice(kept.indexOf(one), 1);
      one.item.remove();
      show();
      (kept.at(-1)?.item.querySelector("input,select,button") ?? add).focus();
    } }, "✕");
    const one = { row, away, item: h("li", {}, row.element, away) };
    kept.push(one);
    list.append(one.item);
    show();
    if (focus) one.item.querySelector("input,select,textarea")?.focus();
  }
  values.forEach((value) => grow(value, false));
  show();
  return { element: h("div", {}, list, add), rows: () => kept.map(({ row }) => row.value()) };
}

/** Replace what is in an element; as `put`, and something keeps the focus, and what was opened stays open. */
export function renew(parent, ...children) {
  const all = () => [...parent.querySelectorAll("a,button,input,select,textarea,summary")];
  const at = all().indexOf(document.activeElement);
  const opened = new Set([...parent.querySelectorAll("details[open]")].map((one) => one.id).filter(Boolean));
  put(parent, ...children);
  for (const one of parent.querySelectorAll("details")) if (opened.has(one.id)) one.open = true;
  if (at >= 0 && !parent.contains(document.activeElement)) (all()[at] ?? all().at(-1))?.focus({ preventScroll: true });
}
