// An alarm as one sentence: how bad, where, what, since when; why, how much, what to do; who has it, who is told.

import { h } from "./dom.js";
import { moment, now } from "./format.js";
import { toPage } from "./route.js";
import { ageSpan, badge, place } from "./rows.js";
import { advice, deviceText, measured, tenantText } from "./say.js";
import { t } from "./texts.js";
import { word } from "./words.js";

const ARMED = 5_000; // ms in which the second tap must come

/** What kind of thing an alarm is, in words: its rule, or the kind of its family. */
export const alarmName = (alarm) => word("rule", alarm.rule);

/** What the state of an alarm is, and what is special about it: tags. */
export function alarmTags(alarm) {
  const tags = [h("span", { cls: `tag state-${alarm.state}` }, word("case", alarm.state))];
  if (["nobody", "unreached"].includes(alarm.answer)) tags.push(h("span", { cls: "tag loud" }, word("answer", alarm.answer)));
  for (const held of alarm.held_back) tags.push(h("span", { cls: "tag held" }, word("held", held.reason), held.until ? ` ${t("until", { at: moment(held.until) })}` : ""));
  for (const label of alarm.labels) tags.push(h("span", { cls: "tag" }, word("label", label)));
  if (alarm.count > 1) tags.push(h("span", { cls: "tag" }, t("times", { n: alarm.count })));
  if (alarm.verdict) tags.push(h("span", { cls: "tag" }, word("verdict", alarm.verdict)));
  return tags;
}

/** What the platform itself wrote beside a change, in words: "flood case:86" is a reason, and what it comes from. */
export function platformNote(line) {
  if (line.actor) return line.note; // a person's words
  return line.note.replace(/(\w+) case:(\d+)/gu, (_, reason, n) => `${word("held", reason)} ${t("alarmNumber", { n })}`)
    .replace(/(\w+) (?:silence|window):(\d+)/gu, (_, reason, n) => `${word("held", reason)} ${n}`)
    .replace(/^step (\d+)$/u, (_, n) => t("stepNumber", { n }));
}

export const ownerText = (model, alarm) => {
  if (alarm.owner) return alarm.owner === model.session.name ? t("youHaveIt") : t("hasIt", { who: alarm.owner });
  return alarm.acknowledged ? t("seenBy", { who: alarm.acknowledged_by }) : t("nobodyHasIt");
};

const armed = new Map(); // key -> when the first tap came: rows are made anew while they are looked at

/** A button that acts at its second tap: a stray finger stops no call for help. `key` names what it is about. */
export function twice(key, text, run, cls = "") {
  const button = h("button", { type: "button", cls, onclick: () => {
    if (!waits()) {
      armed.set(key, performance.now());
      show();
      return;
    }
    armed.delete(key);
    button.disabled = true;
    run().finally(() => {
      button.disabled = false;
      show();
    });
  } });
  const waits = () => armed.has(key) && performance.now() - armed.get(key) < ARMED;
  function show() {
    button.textContent = waits() ? t("tapAgain") : text;
    button.classList.toggle("armed", waits());
    if (waits()) setTimeout(show, ARMED - (performance.now() - armed.get(key)) + 10);
    else armed.delete(key);
  }
  show();
  return button;
}

export const mayAcknowledge = (model, alarm) => model.may("alarm") && alarm.closed === null && !alarm.acknowledged;

/** A row of the list. `acknowledge(alarm)` is offered to those who may; it returns a promise. */
export function alarmRow(model, alarm, acknowledge) {
  const over = alarm.closed !== null;
  const at = model.placeOf(alarm);
  const tenant = tenantText(model, at);
  const fire = alarm.rule === "fire.confirmed" && alarm.active;
  const facts = [word("reason", alarm.reason), deviceText(model, model.devices.get(alarm.device)), measured(model, alarm)].filter(Boolean);
  return h("div", { cls: `row alarm ${alarm.severity}${fire ? " fire" : ""}${over ? " over" : ""}${alarm.acknowledged ? " seen" : ""}` },
    badge(alarm.severity),
    h("div", { cls: "said" },
      h("p", { cls: "what" }, place(model, at, alarm.subject), " ",
        h("a", { href: toPage(model.park, "alarm", alarm.id), cls: "name" }, h("strong", {}, alarmName(alarm))),
        tenant ? h("span", { cls: "tenant" }, tenant) : null, alarmTags(alarm)),
      h("p", { cls: "facts" }, facts.join(" · "), over ? null : h("span", { cls: "advice" }, advice(model, alarm)))),
    h("div", { cls: "when" },
      h("time", { datetime: new Date(alarm.raised).toISOString() }, moment(alarm.raised)),
      over ? h("span", { cls: "age" }, t("ended", { at: moment(alarm.closed) })) : ageSpan(Math.min(alarm.raised, now())),
      h("span", { cls: "owner" }, ownerText(model, alarm)),
      acknowledge && mayAcknowledge(model, alarm) ? twice(`${alarm.id}/${alarm.version}`, t("acknowledge"), () => acknowledge(alarm), "ack") : null));
}
