// Who is on duty: now, over the next week with the holes in it, and how each person is reached.

import { get, post, remove } from "./api.js";
import { sure, toast, tried } from "./dialogs.js";
import { h, put } from "./dom.js";
import { dayText, inList, now } from "./format.js";
import { officerForm, rotaForm, standInForm } from "./dutyforms.js";
import { about, dated, listed, officerName } from "./office.js";
import { empty, Panel } from "./panel.js";
import { Parts } from "./parts.js";
import { t } from "./texts.js";
import { clockText, dayAfter, dayOf, momentOf, weekdayOf } from "./times.js";
import { word } from "./words.js";

const WEEK = 7;
const DAY = 1_440; // minutes
const SPOKEN = { sms: "tel", voice: "tel", phone: "tel", email: "mailto" };

/** An address as a link that a phone can use, where it is one of a phone or of mail. */
export function contactLink({ channel, address }) {
  const scheme = SPOKEN[channel];
  const safe = scheme === "tel" ? /^\+?[\d\s()-]{3,30}$/.test(address) : /^[^\s@?&]+@[^\s@?&]+$/.test(address);
  return h("span", { cls: "contact" }, h("span", { cls: "quiet" }, word("channel", channel), " "), scheme && safe ? h("a", { href: `${scheme}:${address.replaceAll(/[\s()]/g, "")}` }, address) : address);
}

const holds = (shift, day) => shift.days.includes(weekdayOf(day)) && (!shift.first || shift.first <= day) && (!shift.last || day <= shift.last);

/** The shifts that a day of a rota has; one that goes past midnight stands on the day on which it begins. */
export const shiftsOf = (rota, day) => rota.shifts.filter((shift) => holds(shift, day)).sort((a, b) => a.start - b.start);

/** The minutes of a day in which a rota has nobody: [[from, to], ...]. */
export function holesOf(rota, day) {
  const covered = [];
  for (const shift of rota.shifts) {
    const night = shift.end <= shift.start;
    if (holds(shift, day)) covered.push([shift.start, night ? DAY : shift.end]);
    if (night && holds(shift, dayAfter(day, -1))) covered.push([0, shift.end]);
  }
  covered.sort((a, b) => a[0] - b[0]);
  const holes = [];
  let at = 0;
  for (const [from, to] of covered) {
    if (from > at) holes.push([at, from]);
    at = Math.max(at, to);
  }
  if (at < DAY) holes.push([at, DAY]);
  return holes;
}

export class DutyPage {
  constructor(model) {
    this.model = model;
    this.present = new Panel("present", t("onDutyNow"));
    this.rotas = new Panel("rotas", t("navRotas"));
    this.people = new Panel("officers", t("officers"));
    this.root = h("div", { cls: "office-page" }, about(t("dutyAbout")), this.present.root, this.rotas.root, this.people.root);
    this.parts = new Parts(model, this.root, {
      officers: async () => (await get("/officers")).items,
      rotas: async () => {
        const rotas = (await get("/rotas")).items.filter((rota) => !rota.park || rota.park === model.park);
        const duty = await Promise.all(rotas.map((rota) => get(`/rotas/${rota.id}/duty`)));
        return rotas.map((rota, i) => ({ ...rota, present: duty[i].officers }));
      },
    }, () => this.draw());
  }

  start() {
    this.parts.start();
  }

  close() {
    this.parts.close();
  }

  mine(plan) {
    return this.model.may("chains") && (plan.park || this.model.session.parks === null);
  }

  draw() {
    const { asked, held } = this.parts;
    const chains = this.model.may("chains");
    put(this.rotas.beside, chains && held.officers ? h("button", { type: "button", onclick: () => this.form(rotaForm(this.model, held.officers)) }, t("newRota")) : null);
    put(this.people.beside, chains ? h("button", { type: "button", onclick: () => this.form(officerForm(this.model)) }, t("newOfficer")) : null);
    if (this.present.ready(asked, ["rotas", "officers"])) this.drawPresent(held.rotas);
    if (this.rotas.ready(asked, ["rotas", "officers"])) put(this.rotas.body, held.rotas.length ? held.rotas.map((rota) => this.rota(rota)) : empty(t("noRotas")));
    if (this.people.ready(asked, ["officers"])) listed(this.people, held.officers.filter((o) => !o.park || o.park === this.model.park), (officer) => this.officer(officer), t("noOfficers"));
  }

  async form(asked) {
    if (await asked) toast(t("kept"));
    this.parts.load();
  }

  drawPresent(rotas) {
    put(this.present.body, rotas.length ? h("ul", { cls: "present-list" }, rotas.map((rota) => h("li", { cls: rota.present.length ? "" : "nobody" }, h("h3", {}, rota.name),
      rota.present.length ? h("ul", {}, rota.present.map((officer) => h("li", {}, h("strong", {}, officer.name), " ", officer.contacts.map(contactLink)))) : h("p", {}, h("strong", { cls: "overdue" }, t("nobodyOnDuty")), " ", t("nobodyOnDutyAbout"))))) : empty(t("noRotasAbout")));
  }

  rota(rota) {
    const today = dayOf(now(), rota.timezone);
    const days = Array.from({ length: WEEK }, (_, n) => dayAfter(today, n));
    const standIns = rota.substitutes.filter((one) => one.ends > now());
    return h("div", { cls: "rota", data: { rota: rota.id } }, h("div", { cls: "rota-head" }, h("h3", {}, rota.name), h("span", { cls: "quiet" }, rota.timezone),
      h("span", { cls: "beside" }, this.model.may("duty") ? h("button", { type: "button", data: { act: "stand-in" }, onclick: () => this.form(standInForm(rota, this.parts.held.officers)) }, t("standIn")) : null, this.mine(rota) ? [
        h("button", { type: "button", onclick: () => this.form(rotaForm(this.model, this.parts.held.officers, rota)) }, t("change")),
        h("button", { type: "button", onclick: () => this.end("rotas", rota) }, t("endNow"))] : null)),
    h("ol", { cls: "week" }, days.map((day) => this.day(rota, day, today))),
    standIns.length ? h("ul", { cls: "plain-list" }, standIns.map((one) => h("li", {}, t("standsIn", { by: this.name(one.by), who: this.name(one.officer), from: dated(one.starts), to: dated(one.ends) }), " ",
      this.model.may("duty") ? h("button", { type: "button", cls: "flat", onclick: () => this.takeBack(rota, one) }, t("takeBack")) : null))) : null);
  }

  async takeBack(rota, one) {
    if (await tried(t("takeBack"), () => post(`/rotas/${rota.id}/substitutes/end`, { ...one, version: rota.version }))) toast(t("kept"));
    this.parts.load();
  }

  name(id) {
    return officerName(this.parts.held.officers, id);
  }

  day(rota, day, today) {
    const holes = holesOf(rota, day);
    const noon = momentOf(`${day}T12:00`, rota.timezone);
    const instead = (shift) => {
      const start = momentOf(`${day}T00:00`, rota.timezone) + shift.start * 60_000;
      const end = start + ((shift.end > shift.start ? shift.end : shift.end + DAY) - shift.start) * 60_000;
      return rota.substitutes.find((one) => one.officer === shift.officer && one.starts < end && start < one.ends);
    };
    return h("li", { cls: day === today ? "today" : "" }, h("p", { cls: "day-name" }, h("b", {}, word("weekday", String(weekdayOf(day)))), " ", dayText(noon), day === today ? h("span", { cls: "quiet" }, ` ${t("today")}`) : null),
      h("ul", {}, shiftsOf(rota, day).map((shift) => h("li", {}, h("span", { cls: "hours" }, `${clockText(shift.start)}–${clockText(shift.end)}`), " ", h("span", {}, this.name(shift.officer)),
        instead(shift) ? h("span", { cls: "quiet" }, ` ${t("replacedBy", { by: this.name(instead(shift).by) })}`) : null))),
      holes.length ? h("p", { cls: "holes" }, t("nobodyThen", { when: inList(holes.map(([from, to]) => `${clockText(from)}–${clockText(to)}`)) })) : null);
  }

  officer(officer) {
    return h("li", { cls: "row" }, h("span", { cls: "mark" }, word("language", officer.language)),
      h("div", { cls: "said" }, h("p", { cls: "what" }, h("strong", {}, officer.name), officer.park ? null : h("span", { cls: "tag" }, t("ofAllParks"))),
        h("p", { cls: "facts" }, officer.contacts.length ? officer.contacts.map(contactLink) : h("strong", { cls: "overdue" }, t("noContact")), officer.key_name ? ` · ${t("keyNamed", { name: officer.key_name })}` : "")),
      h("div", { cls: "when" }, this.mine(officer) ? [h("button", { type: "button", onclick: () => this.form(officerForm(this.model, officer)) }, t("change")), h("button", { type: "button", onclick: () => this.end("officers", officer) }, t("endNow"))] : null));
  }

  async end(path, plan) {
    if (await sure(t("endNow"), t("endPlanAbout", { name: plan.name }), t("endNow"), () => remove(`/${path}/${plan.id}`))) toast(t("kept"));
    this.parts.load();
  }
}
