// Escalation: which alarms go to whom, step by step, until somebody answers; and what happens when nobody does.

import { get, post, remove, replace } from "./api.js";
import { dialog, sure, toast } from "./dialogs.js";
import { h, put } from "./dom.js";
import { choice, rowsOf, several, whole, words } from "./fields.js";
import { targetOptions } from "./drillspage.js";
import { inList } from "./format.js";
import { about, officerName } from "./office.js";
import { Panel } from "./panel.js";
import { Parts } from "./parts.js";
import { toPage } from "./route.js";
import { t } from "./texts.js";
import { codesOf, word } from "./words.js";

const MINUTE = 60_000;
const LABELS = ["severity", "family", "rule", "place", "device", "reason", "park"];
const OPERATORS = ["=", "!=", "=~", "!~"];
const FIRST_WAIT = 5; // minutes before the second step, where nobody says otherwise

export class ChainsPage {
  constructor(model) {
    this.model = model;
    this.panel = new Panel("chains", t("navChains"));
    this.nobody = h("p", { cls: "nobody-line", role: "status" });
    this.root = h("div", { cls: "office-page" }, about(t("chainsAbout")), this.nobody, this.panel.root);
    this.parts = new Parts(model, this.root, {
      chains: async () => (await get("/chains")).items.filter((chain) => !chain.park || chain.park === model.park),
      officers: async () => (await get("/officers")).items, rotas: async () => (await get("/rotas")).items, counts: () => get("/alarms/counts", { park: model.park }),
      duty: async () => {
        const rotas = (await get("/rotas")).items;
        const present = await Promise.all(rotas.map((rota) => get(`/rotas/${rota.id}/duty`)));
        return Object.fromEntries(present.map((one) => [one.rota, one.officers.map((o) => o.name)]));
      },
    }, () => this.draw());
  }

  start() {
    this.parts.start();
  }

  close() {
    this.parts.close();
  }

  draw() {
    const { asked, held } = this.parts;
    const n = held.counts?.nobody_answered ?? 0;
    put(this.nobody, n ? h("a", { cls: "button loud", href: toPage(this.model.park, "alarms", 0, "view=nobody") }, t("nobodyCount", { n })) : held.counts ? t("everyoneAnswered") : "");
    put(this.panel.beside, held.rotas && held.officers && this.model.may("chains") ? h("button", { type: "button", onclick: () => this.form() }, t("newChain")) : null);
    if (!this.panel.ready(asked, ["chains", "officers", "rotas"])) return;
    const sorted = [...held.chains].sort((a, b) => a.order - b.order || a.id - b.id);
    put(this.panel.body, h("p", { cls: "state" }, t(sorted.length ? "firstMatches" : "noChains")), sorted.map((chain) => this.chain(chain)));
  }

  matchersText(matchers) {
    if (!matchers.length) return t("everyAlarm");
    return matchers.map((m) => `${word("matcher", m.label)} ${m.operator} ${codesOf(m.label).includes(m.value) ? word(m.label, m.value) : m.value}`).join(t("and"));
  }

  targetText(target) {
    const { officers, rotas, duty } = this.parts.held;
    const [kind, key] = target.split(":");
    if (kind === "officer") return officerName(officers, Number(key));
    if (kind === "target") return t("receiverNamed", { name: key });
    if (kind !== "rota") return t("everybody");
    const name = t("rotaNamed", { name: rotas.find((r) => r.id === Number(key))?.name ?? `#${key}` });
    const present = duty?.[key];
    return present ? h("span", {}, name, " ", present.length ? h("span", { cls: "quiet" }, t("nowOn", { names: inList(present) })) : h("strong", { cls: "overdue" }, t("nobodyOnDuty"))) : name;
  }

  chain(chain) {
    const minutes = (ms) => Math.round(ms / MINUTE);
    const mine = this.model.may("chains") && (chain.park || this.model.session.parks === null);
    const after = this.parts.held.chains.find((one) => one.id === chain.then);
    const asks = chain.wait > 0 || chain.steps.length > 1;
    return h("div", { cls: "chain", data: { chain: chain.id } }, h("div", { cls: "rota-head" }, h("h3", {}, chain.name), h("span", { cls: "quiet" }, t("orderNumber", { n: chain.order })), h("span", {}, this.matchersText(chain.matchers)),
      h("span", { cls: "beside" }, mine ? [h("button", { type: "button", onclick: () => this.form(chain) }, t("change")), h("button", { type: "button", onclick: () => this.end(chain) }, t("endNow"))] : null)),
    h("ol", { cls: "steps" }, chain.steps.map((step) => h("li", {}, h("b", {}, step.after ? t("afterMinutes", { n: minutes(step.after) }) : t("atOnce")), " ", step.targets.map((target, i) => [i ? inList(["", ""]) : "", this.targetText(target)]))),
      asks ? h("li", { cls: "nobody" }, h("b", {}, t("afterMinutes", { n: minutes(chain.steps.at(-1).after + chain.wait) })), " ", t(after ? "nobodyThenChain" : "nobodyThenAll", { name: after?.name ?? "" })) : null),
    chain.realarm ? h("p", { cls: "quiet" }, t("realarmAfter", { n: minutes(chain.realarm) })) : null);
  }

  async form(old) {
    const { model } = this;
    const { chains, officers } = this.parts.held;
    const targets = await targetOptions(model, officers);
    const matchers = rowsOf(old?.matchers ?? [], (m) => {
      const label = choice("label", LABELS.map((name) => [name, word("matcher", name)]), m?.label, { "aria-label": t("labelField") });
      const operator = choice("operator", OPERATORS.map((name) => [name, name]), m?.operator, { "aria-label": t("operatorField") });
      const value = words("value", m?.value ?? "", { "aria-label": t("value"), required: true, placeholder: "critical|high" });
      return { element: h("div", { cls: "field-row" }, label, operator, value), value: () => ({ label: label.value, operator: operator.value, value: value.value.trim() }) };
    }, t("addMatcher"));
    const steps = rowsOf(old?.steps ?? [{ after: 0, targets: [] }], (step) => {
      const after = whole("after", Math.round((step?.after ?? FIRST_WAIT * MINUTE) / MINUTE), 0, 1_440, { "aria-label": t("minutesAfter") });
      const known = new Set(targets.map(([value]) => value));
      const whom = several("targets", [...targets, ...(step?.targets ?? []).filter((one) => !known.has(one)).map((one) => [one, one])], step?.targets);
      return { element: h("div", { cls: "field-row" }, h("label", { cls: "inline" }, after, ` ${t("minutesAfter")}`), whom.element), value: () => ({ after: Number(after.value) * MINUTE, targets: whom.values() }) };
    }, t("addStep"), { least: 1 });
    const wrong = (problem) => (problem.status === 422 && steps.rows().some((step) => !step.targets.length) ? t("stepNeedsSomebody") : undefined);
    const done = await dialog(t(old ? "changeChain" : "newChain"), h("p", {}, t("chainAbout")), [
      { label: t("nameField"), input: words("name", old?.name ?? "", { required: true }) }, { label: t("whichAlarms"), group: matchers.element, hint: t("whichHint") }, { label: t("stepsField"), group: steps.element },
      { label: t("waitField"), input: whole("wait", Math.round((old?.wait ?? 2 * MINUTE) / MINUTE), 0, 1_440) }, { label: t("thenField"), input: choice("then", [[0, t("tellEverybody")], ...chains.filter((c) => c.id !== old?.id).map((c) => [c.id, c.name])], old?.then) },
      { label: t("realarmField"), input: whole("realarm", Math.round((old?.realarm ?? 0) / MINUTE), 0, 1_440), hint: t("realarmHint") }, { label: t("orderField"), input: whole("order", old?.order ?? 100, 0, 1_000_000), hint: t("orderHint") },
    ], {
      text: t("keep"), wrong,
      run: (name, wait, then, realarm, order) => {
        const body = { park: old?.park ?? model.park, name, matchers: matchers.rows(), steps: steps.rows(), wait: Number(wait) * MINUTE, then: Number(then), realarm: Number(realarm) * MINUTE, order: Number(order), version: old?.version ?? 0 };
        return old ? replace(`/chains/${old.id}`, body) : post("/chains", body);
      },
    }, { wide: true });
    if (done) toast(t("kept"));
    this.parts.load();
  }

  async end(chain) {
    if (await sure(t("endNow"), t("endPlanAbout", { name: chain.name }), t("endNow"), () => remove(`/chains/${chain.id}`))) toast(t("kept"));
    this.parts.load();
  }
}
