// Holding alarms back for a while: a silence by matchers, with what it would hold back now; a window for works.

import { post, Problem } from "./api.js";
import { dialog, toast } from "./dialogs.js";
import { h, put } from "./dom.js";
import { now } from "./format.js";
import { why } from "./panel.js";
import { conditionText, deviceText, whereText } from "./say.js";
import { t } from "./texts.js";
import { word, WORDS } from "./words.js";

const HOUR = 3_600_000;
const LASTS = [1, 2, 4, 8, 24, 72, 168]; // hours
const SETTLE = 300; // ms after the last change before the preview is asked for
const SHOWN = 8; // alarms of a preview
const NOTE_MOST = 2_000;

const lasting = () => h("select", { name: "hours" }, LASTS.map((n) => h("option", { value: n }, n < 24 ? t("nHours", { n }) : t("nDays", { n: n / 24 }))));
const noteInput = () => h("textarea", { name: "note", required: true, maxlength: NOTE_MOST, rows: 2 });
const places = (model) => [h("option", { value: "" }, t("wholePark")), ...[...model.buildings.values()].flatMap((b) => [h("option", { value: b.id }, b.name),
  ...[...model.units.values()].filter((u) => u.building === b.id).map((u) => h("option", { value: u.id }, `　${u.name}${u.tenant ? ` ${u.tenant.name}` : ""}`))])];
const rules = () => [h("option", { value: "" }, t("anyRule")), ...Object.keys(WORDS.rule).filter((name) => !/^(fire|gas|unreadable)/.test(name)).map((name) => h("option", { value: name }, word("rule", name)))];

export class SilenceForm {
  constructor(model, done) {
    Object.assign(this, { model, done });
    this.rule = h("select", { name: "rule" }, rules());
    this.place = h("select", { name: "place" }, places(model));
    this.severity = h("select", { name: "severity" }, h("option", { value: "" }, "—"), ["high", "medium", "low"].map((name) => h("option", { value: name }, word("severity", name))));
    this.hours = lasting();
    this.note = noteInput();
    this.preview = h("div", { cls: "preview", role: "status" });
    for (const input of [this.rule, this.place, this.severity, this.hours]) input.addEventListener("change", () => this.look());
  }

  async open() {
    this.look();
    const done = await dialog(t("newSilence"), h("p", {}, t("silenceAbout")), [
      { label: t("ruleField"), input: this.rule }, { label: t("placeField"), input: this.place }, { label: t("severityField"), input: this.severity },
      { label: t("lastsField"), input: this.hours }, { label: t("whyNeeded"), input: this.note, hint: this.preview },
    ], { text: t("silenceDo"), run: () => post("/silences", { ...this.body(), note: this.note.value.trim() }) });
    clearTimeout(this.timer);
    if (done) {
      toast(t("silenceDone"));
      this.done();
    }
  }

  body() {
    const equal = (label, value) => (value ? [{ label, operator: "=", value }] : []);
    const matchers = [...equal("rule", this.rule.value), ...this.within(Number(this.place.value)), ...equal("severity", this.severity.value)];
    // With nothing chosen it is about the park itself: a silence has to say what it is about.
    return { park: this.model.park, matchers: matchers.length ? matchers : equal("park", String(this.model.park)), starts: Math.floor(now()), ends: Math.floor(now()) + Number(this.hours.value) * HOUR, note: this.note.value.trim() || "-" };
  }

  /** A place and all within it; alarms know only their own place, so all of them are named. */
  within(place) {
    if (!place) return [];
    const { units, parents } = this.model;
    const inside = [...units.values()].filter((unit) => unit.id === place || unit.building === place).map((unit) => unit.id);
    const ids = [...new Set([place, ...inside, ...[...parents].filter(([, unit]) => inside.includes(unit)).map(([zone]) => zone)])];
    return [ids.length > 1 ? { label: "place", operator: "=~", value: ids.join("|") } : { label: "place", operator: "=", value: String(place) }];
  }

  look() {
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      try {
        const { alarms, more } = await post("/silences/preview", this.body());
        put(this.preview, h("strong", {}, t("wouldHold", { n: more ? `${alarms.length}+` : alarms.length })),
          h("ul", {}, alarms.slice(0, SHOWN).map((alarm) => h("li", {}, `${word("severity", alarm.severity)} ${conditionText(this.model, alarm)}`))),
          alarms.length > SHOWN ? h("p", {}, t("hidden", { n: alarms.length - SHOWN })) : null);
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        put(this.preview, t("errorState", { why: why(problem) }));
      }
    }, SETTLE);
  }
}

export class WindowForm {
  constructor(model, done) {
    Object.assign(this, { model, done });
  }

  async open() {
    const { model } = this;
    const place = h("select", { name: "place" }, places(model));
    const device = h("select", { name: "device" }, h("option", { value: "" }, t("allDevices")), [...model.devices.values()].map((d) => h("option", { value: d.device }, `${whereText(model, d.place)} ${deviceText(model, d)}`)));
    const hours = lasting(), note = noteInput();
    const done = await dialog(t("newWindow"), h("p", {}, t("windowAbout")), [
      { label: t("placeField"), input: place }, { label: t("deviceField"), input: device }, { label: t("lastsField"), input: hours }, { label: t("whyNeeded"), input: note },
    ], { text: t("windowDo"), run: (at, of, lasts, text) => post("/windows", {
      park: model.park, place: of ? 0 : Number(at) || model.park, device: Number(of) || 0, starts: Math.floor(now()), ends: Math.floor(now()) + Number(lasts) * HOUR, note: text }) });
    if (done) {
      toast(t("windowDone"));
      this.done();
    }
  }
}
