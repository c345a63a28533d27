// Holding alarms back for a while: a silence by matchers, a window for works. Both show first what they would hold back.

import { post, Problem } from "./api.js";
import { dialog, toast } from "./dialogs.js";
import { h, put } from "./dom.js";
import { choice, momentField, momentIn, note, option, placeOptions } from "./fields.js";
import { why } from "./panel.js";
import { conditionText, deviceText, whereText } from "./say.js";
import { t } from "./texts.js";
import { word, WORDS } from "./words.js";

const HOUR = 3_600_000;
const LASTS = [1, 2, 4, 8, 24, 72, 168]; // hours
const SETTLE = 300; // ms after the last change before the preview is asked for
const SHOWN = 8; // alarms of a preview

const lasting = () => choice("hours", LASTS.map((n) => [n, n < 24 ? t("nHours", { n }) : t("nDays", { n: n / 24 })]));
const rules = () => choice("rule", [["", t("anyRule")], ...Object.keys(WORDS.rule).filter((name) => !/^(fire|gas|unreadable)/.test(name)).map((name) => [name, word("rule", name)])]);
const places = (model) => h("select", { name: "place" }, option("", t("wholePark")), placeOptions(model, "", { park: false }));
const equal = (label, value) => (value ? [{ label, operator: "=", value }] : []);

/** A place and all within it; alarms know only their own place, so all of them are named. */
function within({ units, parents }, place) {
  if (!place) return [];
  const inside = [...units.values()].filter((unit) => unit.id === place || unit.building === place).map((unit) => unit.id);
  const ids = [...new Set([place, ...inside, ...[...parents].filter(([, unit]) => inside.includes(unit)).map(([zone]) => zone)])];
  return [ids.length > 1 ? { label: "place", operator: "=~", value: ids.join("|") } : { label: "place", operator: "=", value: String(place) }];
}

/** What a silence would hide now, in an element; asked for anew, a moment after the last `look`. */
class Preview {
  constructor(model, body) {
    Object.assign(this, { model, body });
    this.root = h("div", { cls: "preview", role: "status" });
  }

  look() {
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      try {
        const { alarms, more } = await post("/silences/preview", { ...this.body(), note: "-" });
        put(this.root, h("strong", {}, t("wouldHold", { n: more ? `${alarms.length}+` : alarms.length })),
          h("ul", {}, alarms.slice(0, SHOWN).map((alarm) => h("li", {}, `${word("severity", alarm.severity)} ${conditionText(this.model, alarm)}`))),
          alarms.length > SHOWN ? h("p", {}, t("hidden", { n: alarms.length - SHOWN })) : null);
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        put(this.root, t("errorState", { why: why(problem) }));
      }
    }, SETTLE);
  }

  close() {
    clearTimeout(this.timer);
  }
}

/** From when, and for how long: {fields, span()}. */
function spanFields() {
  const begins = momentField("begins"), hours = lasting();
  const span = () => {
    const starts = momentIn(begins);
    return { starts, ends: starts + Number(hours.value) * HOUR };
  };
  return { begins, hours, fields: [{ label: t("beginsField"), input: begins }, { label: t("lastsField"), input: hours }], span };
}

async function ask(title, about, fields, { inputs, preview, text, run, said }) {
  for (const input of inputs) input.addEventListener("change", () => preview.look());
  preview.look();
  const reason = note("note", { required: true, rows: 2 });
  const done = await dialog(title, h("p", {}, about), [...fields, { label: t("whyNeeded"), input: reason, hint: preview.root }], { text, run: () => run(reason.value.trim()) });
  preview.close();
  if (done) toast(said);
  return done;
}

/** Ask for a silence, and keep it. */
export async function newSilence(model, done) {
  await model.settled; // names of places
  const rule = rules(), place = places(model), span = spanFields();
  const severity = choice("severity", [["", "—"], ...["high", "medium", "low"].map((name) => [name, word("severity", name)])]);
  const body = () => {
    const matchers = [...equal("rule", rule.value), ...within(model, Number(place.value)), ...equal("severity", severity.value)];
    // With nothing chosen it is about the park itself: a silence has to say what it is about.
    return { park: model.park, matchers: matchers.length ? matchers : equal("park", String(model.park)), ...span.span() };
  };
  const fields = [{ label: t("ruleField"), input: rule }, { label: t("placeField"), input: place }, { label: t("severityField"), input: severity }, ...span.fields];
  if (await ask(t("newSilence"), t("silenceAbout"), fields, {
    inputs: [rule, place, severity, span.begins, span.hours], preview: new Preview(model, body), text: t("silenceDo"), said: t("silenceDone"),
    run: (text) => post("/silences", { ...body(), note: text }) })) done();
}

/** Ask for a maintenance window, and keep it. */
export async function newWindow(model, done) {
  await model.settled; // names of places and devices
  const place = places(model), span = spanFields();
  const device = choice("device", [["", t("allDevices")], ...[...model.devices.values()].map((d) => [d.device, `${whereText(model, d.place)} ${deviceText(model, d)}`])]);
  const matchers = () => (device.value ? equal("device", device.value) : within(model, Number(place.value)));
  // It holds back what a silence with the same words would: the preview is of that.
  const body = () => ({ park: model.park, matchers: matchers().length ? matchers() : equal("park", String(model.park)), ...span.span() });
  const fields = [{ label: t("placeField"), input: place }, { label: t("deviceField"), input: device }, ...span.fields];
  if (await ask(t("newWindow"), t("windowAbout"), fields, {
    inputs: [place, device, span.begins, span.hours], preview: new Preview(model, body), text: t("windowDo"), said: t("windowDone"),
    run: (text) => post("/windows", { park: model.park, place: device.value ? 0 : Number(place.value) || model.park, device: Number(device.value) || 0, ...span.span(), note: text }) })) done();
}
