// A message to a receiver as a row: how it stands, of what, to whom, and what was said back.

import { h } from "./dom.js";
import { moment } from "./format.js";
import { toPage } from "./route.js";
import { ageSpan } from "./rows.js";
import { t } from "./texts.js";
import { word } from "./words.js";

/** `named` leads to the alarm it is of; `again` is a button for those that died. */
export function messageRow(model, one, { named = false, again = null } = {}) {
  const where = [one.target, one.address].filter(Boolean).join(" → ");
  return h("li", { cls: `row message ${one.state}` }, h("span", { cls: "mark" }, word("delivery", one.state)),
    h("div", { cls: "said" }, h("p", { cls: "what" }, h("strong", {}, word("messageKind", one.kind)), " ", word("severity", one.severity), one.life ? h("span", { cls: "tag loud" }, t("lifeSafety")) : null, " ",
      named && one.alarm ? h("a", { cls: "name", href: toPage(model.park, "alarm", one.alarm) }, t("alarmNumber", { n: one.alarm })) : null, " ", h("span", { cls: "quiet" }, where)),
    h("p", { cls: "facts" }, [one.trouble, one.receipt, one.attempts > 1 ? t("attempts", { n: one.attempts }) : "", one.state === "waiting" && one.attempts ? t("nextTry", { at: moment(one.due) }) : ""].filter(Boolean).join(" · "))),
    h("div", { cls: "when" }, h("time", { datetime: new Date(one.created).toISOString() }, moment(one.created)), ageSpan(one.created), again));
}
