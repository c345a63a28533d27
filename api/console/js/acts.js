// What people do about an alarm: one table of acts; who may, when, and what is asked for.

import { post } from "./api.js";
import { dialog, toast } from "./dialogs.js";
import { h } from "./dom.js";
import { NOTE_MOST } from "./fields.js";
import { moment, now } from "./format.js";
import { why } from "./panel.js";
import { conditionText } from "./say.js";
import { t } from "./texts.js";
import { word } from "./words.js";

const HOUR = 3_600_000;
const SHELVES = [1, 4, 8, 24, 72, 168]; // hours; the platform takes seven days at most
const RESETS = ["confirmed_clear", "below_alarm", "video_clear"]; // GB/T 45839-2025, 5.8.1
const VERDICTS = ["real", "unwanted", "equipment", "malicious", "good_intent", "test", "unknown"];

const open = (alarm) => alarm.closed === null;
const note = (needed) => ({ label: needed ? t("whyNeeded") : t("whyFree"), input: h("textarea", { name: "note", required: needed, maxlength: NOTE_MOST, rows: 3 }) });
const choice = (label, name, options) => ({ label, input: h("select", { name }, options.map(([value, text]) => h("option", { value }, text))) });

/** verb -> {need: permission, when(alarm, me), ask(alarm): fields, body(...values), loud} */
export const ACTS = {
  acknowledge: { need: "alarm", when: (a) => open(a) && !a.acknowledged },
  confirm: { need: "act", when: (a) => open(a) && a.life && a.active && a.severity !== "critical", ask: () => [note(false)], body: (text) => ({ note: text }), loud: true },
  take: { verb: "assign", need: "alarm", when: (a, me) => open(a) && a.owner !== me, body: (_, me) => ({ owner: me }) },
  assign: {
    need: "alarm", when: open,
    ask: (a, names) => [{ label: t("assignTo"), hint: t("assignHint"), input: h("input", { name: "owner", value: a.owner, maxlength: 200, list: names?.id }) }, note(false)],
    body: (owner, text) => ({ owner, note: text }),
  },
  shelve: {
    need: "alarm", when: (a) => open(a) && !a.life && a.shelved_until === null,
    ask: () => [choice(t("shelveFor"), "hours", SHELVES.map((n) => [n, n < 24 ? t("nHours", { n }) : t("nDays", { n: n / 24 })])), note(true)],
    body: (hours, text) => ({ until: Math.floor(now()) + Number(hours) * HOUR - 1_000, note: text }),
  },
  unshelve: { need: "alarm", when: (a) => open(a) && a.shelved_until !== null },
  remove: { need: "duty", when: (a) => open(a) && !a.life && !a.out_of_service, ask: () => [note(true)], body: (text) => ({ note: text }) },
  restore: { need: "duty", when: (a) => open(a) && a.out_of_service },
  reset: {
    need: "act", when: (a) => open(a) && a.life && (a.active || a.latched),
    ask: () => [choice(t("resetWhy"), "why", RESETS.map((why) => [why, word("transition", why)])), note(true)],
    body: (why, text) => ({ why, note: text }), loud: true,
  },
  close: {
    need: "act", when: (a) => open(a) && (!a.life || !(a.active || a.latched)),
    ask: (a) => [choice(t("verdictAsked"), "verdict", (a.life ? VERDICTS : ["", ...VERDICTS]).map((v) => [v, v ? word("verdict", v) : "—"])), note(!a.life && (a.active || a.latched))],
    body: (verdict, text) => ({ verdict: verdict || null, note: text }),
  },
};

/** The acts that a person may do now. */
export const actsOf = (model, alarm) =>
  Object.keys(ACTS).filter((name) => model.may(ACTS[name].need) && ACTS[name].when(alarm, model.session.name));

/**
 * Do an act, asking first where there is something to ask; return the alarm after it, or null where nothing was done.
 * The version that was seen goes with it: who was faster is told, and nothing is overwritten. Raises Problem.
 */
export async function doAct(model, alarm, name, names) {
  const act = ACTS[name];
  const path = `/alarms/${alarm.id}/${act.verb ?? name}`;
  let after = null;
  const send = async (body) => {
    after = await post(path, { version: alarm.version, ...body });
  };
  if (!act.ask) {
    await send(act.body?.(alarm, model.session.name) ?? {});
  } else {
    const about = [h("p", { cls: `about ${alarm.severity}` }, conditionText(model, alarm)), h("p", {}, word("actAbout", name))];
    const done = await dialog(word("act", name), about, act.ask(alarm, names), {
      text: word("act", name), run: (...values) => send(act.body(...values)),
      wrong: (problem) => (problem.status === 409 ? t("fasterThanYou", { why: why(problem) }) : undefined),
    });
    if (!done) return null;
  }
  toast(t("actDone", { act: word("act", name).replace(/…$/u, ""), text: conditionText(model, alarm), at: moment(now()) }));
  return after;
}
