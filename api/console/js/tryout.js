// A dry run: waited for while somebody looks, and what came of it, side by side.

import { get, Problem } from "./api.js";
import { h } from "./dom.js";
import { percent } from "./format.js";
import { empty } from "./panel.js";
import { t } from "./texts.js";
import { word } from "./words.js";

const LOOK = 1_000; // ms between two looks at a dry run
const SHOWN = 40; // counts

/** Wait for a dry run that was begun; `look` is told of it meanwhile and says whether anybody still waits. */
export async function ended(run, look) {
  let told = run;
  while (told.state !== "done" && told.state !== "failed") {
    if (!look(told)) return null;
    await new Promise((resume) => setTimeout(resume, LOOK));
    told = await get(`/rules/dry-run/${told.id}`);
  }
  if (told.state === "failed") throw new Problem(422, told.problem);
  return told.result ?? { rules: [], notes: [] };
}

export const underWay = (run, name) => h("p", { role: "status" }, t("rulesRunning", { name, share: percent(run.progress) }), " ", h("progress", { max: 1, value: run.progress }));

function ruleName(rule) {
  if (rule.startsWith("anomaly.")) return `${word("finding", "anomaly")} · ${word("anomaly", rule.slice("anomaly.".length))}`;
  return word("rule", rule) === rule ? word("rule", `limit.${rule}`) : word("rule", rule);
}

/** What fired by the rules that hold, beside what would have fired by others; those that differ first. */
export function sideBySide(result) {
  const rows = [...result.rules].sort((a, b) => b.gone + b.new - a.gone - a.new || a.rule.localeCompare(b.rule));
  const notes = [result.approximate ? t("rulesNearly") : "", ...result.notes].filter(Boolean);
  return [notes.length ? h("ul", { cls: "quiet" }, notes.map((note) => h("li", {}, note))) : null,
    rows.length ? h("table", { cls: "plain-table" }, h("thead", {}, h("tr", {}, [t("ruleField"), t("rulesNow"), t("rulesYours"), t("rulesGone"), t("rulesNew")].map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, rows.slice(0, SHOWN).map((row) => h("tr", { cls: row.gone || row.new ? "missed" : "" }, h("th", { scope: "row" }, ruleName(row.rule)),
        [row.present, row.changed, row.gone, row.new].map((n) => h("td", { cls: "number judged" }, String(n))))))) : empty(t("rulesNothingFired")),
    rows.length > SHOWN ? h("p", { cls: "quiet" }, t("hidden", { n: rows.length - SHOWN })) : null];
}
