// What calls nobody now, and why: alarms held back, silences and maintenance windows with their ends. Each can be
// ended here; a new silence shows first what it would hold back. Life safety is never among them.

import { actsOf, doAct } from "./acts.js";
import { alarmRow } from "./alarmrow.js";
import { putBack, setApart } from "./apart.js";
import { all, get, Problem, remove } from "./api.js";
import { Asked } from "./asked.js";
import { toast } from "./dialogs.js";
import { framed, h, put } from "./dom.js";
import { age, moment, now } from "./format.js";
import { LongList } from "./longlist.js";
import { empty, Panel, why } from "./panel.js";
import { toPage } from "./route.js";
import { whereText, deviceText } from "./say.js";
import { newSilence, newWindow } from "./silences.js";
import { t } from "./texts.js";
import { word } from "./words.js";

const PAGE = 500;

export class HiddenPage {
  constructor(model) {
    this.model = model;
    this.hidden = [];
    this.next = "";
    this.silences = [];
    this.windows = [];
    this.alarms = new Panel("held", t("hiddenNow"));
    this.quiet = new Panel("silences", t("silences"));
    this.works = new Panel("windows", t("windows"));
    this.apart = new Panel("apart-devices", t("apartDevices"));
    this.devices = [];
    this.root = h("div", { cls: "hidden-page" }, h("p", {}, h("a", { cls: "up", href: toPage(model.park, "alarms") }, `← ${t("alarmsPage")}`)),
      h("p", { cls: "calm-note" }, t("neverLife")), this.apart.root, this.alarms.root, h("div", { cls: "two" }, this.quiet.root, this.works.root));
    this.rows = new LongList({ label: t("hiddenNow"), key: (one) => one.alarm.id, stamp: () => model.stamp(), make: (one) => this.row(one), onEnd: () => this.more() });
    this.asked = new Asked({
      hidden: async () => {
        const page = await get("/hidden", { limit: PAGE });
        this.hidden = page.items;
        this.next = page.next;
      },
      devices: async () => {
        this.devices = await all("/hidden/devices");
      },
      silences: async () => {
        this.silences = (await get("/silences")).items;
      },
      windows: async () => {
        this.windows = (await get("/windows")).items;
      },
    }, () => this.redraw());
    this.redraw = framed(() => this.root.isConnected && this.draw());
    this.off = model.on((topic) => {
      if (topic === "alarm") this.soon();
      if (topic === "refetched") this.load();
      if (["map", "devices", "rules"].includes(topic) && model.stamp() !== this.drawnWith) this.redraw();
    });
  }

  start() {
    this.draw();
    this.load();
  }

  load() {
    for (const part of ["hidden", "devices", "silences", "windows"]) this.asked.load(part);
  }

  soon() {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      if (!this.asked.closed) this.load();
    }, 1_000);
  }

  close() {
    this.off();
    this.asked.close();
    this.rows.close();
    clearTimeout(this.timer);
  }

  async more() {
    if (!this.next || this.waiting) return;
    this.waiting = true;
    try {
      const page = await get("/hidden", { limit: PAGE, before: this.next });
      const known = new Set(this.hidden.map((one) => one.alarm.id));
      this.hidden.push(...page.items.filter((one) => !known.has(one.alarm.id)));
      this.next = page.next;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.asked.problems.set("hidden", problem);
    } finally {
      this.waiting = false;
    }
    this.redraw();
  }

  draw() {
    this.drawnWith = this.model.stamp();
    if (this.alarms.ready(this.asked, ["hidden"])) {
      const mine = this.hidden.filter((one) => !one.park || one.park === this.model.park);
      put(this.alarms.beside, h("b", { cls: "total" }, this.next ? `${mine.length}+` : String(mine.length)));
      if (!this.rows.root.isConnected) put(this.alarms.body, this.rows.root, (this.after = h("div")));
      this.rows.set(mine);
      put(this.after, mine.length ? null : empty(t("nothingHidden")));
    }
    this.drawApart();
    this.drawPlans(this.quiet, "silences", this.silences, (plan) => plan.matchers.map((m) => `${word("matcher", m.label)} ${m.operator} ${this.valueText(m)}`).join(t("and")), t("noSilences"),
      () => newSilence(this.model, () => this.load()));
    this.drawPlans(this.works, "windows", this.windows, (plan) => this.whereOf(plan), t("noWindows"), () => newWindow(this.model, () => this.load()));
  }

  /** Since when, until when and by whom: their alarms call nobody. */
  drawApart() {
    if (!this.apart.ready(this.asked, ["devices"])) return;
    const mine = this.devices.filter((d) => d.park === this.model.park);
    const may = this.model.may("act");
    put(this.apart.beside, may ? h("button", { type: "button", onclick: () => this.moved(setApart(this.model)) }, t("setApart")) : null);
    this.apart.root.classList.toggle("quiet-panel", !mine.length);
    put(this.apart.body, mine.length ? h("ul", { cls: "rows" }, mine.map((d) => h("li", { cls: "row plan-row" },
      h("span", { cls: "mark" }, word("mode", d.mode)),
      h("div", { cls: "said" }, h("p", { cls: "what" }, `${whereText(this.model, d.place)} ${deviceText(this.model, d)}`),
        h("p", { cls: "facts" }, t("apartSince", { at: d.since ? moment(d.since) : "—", by: d.by || t("platform"), reason: d.reason }))),
      h("div", { cls: "when" }, d.until ? t("untilIn", { at: moment(d.until), age: age(d.until - now()) }) : t("apartForever"),
        may ? h("button", { type: "button", data: { act: `back-${d.device}` }, onclick: () => this.moved(putBack(this.model, d.device)) }, t("putBack")) : null)))) : empty(t("noApart")));
  }

  /** Devices were set apart, or put back, or perhaps some of them. */
  async moved(asked) {
    try {
      await asked;
    } catch (problem) {
      this.fail(problem);
    }
    this.load();
    this.model.load("devices"); // the header counts them
  }

  valueText({ label, value }) {
    if (label === "rule") return word("rule", value);
    if (label === "severity") return word("severity", value);
    if (label === "place") return whereText(this.model, Number(value.split("|")[0])); // and what is within it
    return label === "device" ? deviceText(this.model, this.model.devices.get(Number(value))) || value : value;
  }

  whereOf(plan) {
    const device = this.model.devices.get(plan.device);
    if (plan.device) return device ? `${whereText(this.model, device.place)} ${deviceText(this.model, device)}` : `#${plan.device}`;
    return whereText(this.model, plan.place || plan.park);
  }

  row({ alarm, why: reasons }) {
    const row = alarmRow(this.model, alarm, null);
    const acts = actsOf(this.model, alarm).filter((name) => name === "unshelve" || name === "restore");
    row.querySelector(".said").append(h("p", { cls: "held-why" }, reasons.map((one) => h("span", {}, h("strong", {}, word("held", one.reason)), " ", this.byWhat(one.by), `${one.until ? ` ${t("until", { at: moment(one.until) })}` : ""} `))));
    if (acts.length) row.querySelector(".when").append(...acts.map((name) => h("button", { type: "button", onclick: () => this.act(alarm, name) }, word("act", name))));
    return row;
  }

  /** What holds an alarm back: the words of a plan, or the way to the alarm. */
  byWhat(by) {
    const [kind, id] = by.split(":");
    if (kind === "silence") return this.silences.find((s) => s.id === Number(id))?.note ?? `#${id}`;
    if (kind === "window") return this.windows.find((w) => w.id === Number(id))?.note ?? `#${id}`;
    return kind === "case" ? h("a", { href: toPage(this.model.park, "alarm", Number(id)) }, t("alarmNumber", { n: id })) : by;
  }

  drawPlans(panel, path, plans, said, none, open) {
    if (!panel.ready(this.asked, [path])) return;
    const may = this.model.may("duty");
    const mine = plans.filter((plan) => !plan.park || plan.park === this.model.park).sort((a, b) => a.ends - b.ends);
    put(panel.beside, may ? h("button", { type: "button", onclick: open }, t("newPlan")) : null);
    put(panel.body, mine.length ? h("ul", { cls: "rows" }, mine.map((plan) => h("li", { cls: "row plan-row" },
      h("span", { cls: "mark" }, plan.starts > now() ? t("begins", { at: moment(plan.starts) }) : t("untilIn", { at: moment(plan.ends), age: age(plan.ends - now()) })),
      h("div", { cls: "said" }, h("p", { cls: "what" }, said(plan)), h("p", { cls: "facts" }, `${plan.note} · ${plan.actor}`)),
      h("div", { cls: "when" }, may && (plan.park || this.model.session.parks === null) ? h("button", { type: "button", data: { act: `end-${plan.id}` }, onclick: () => this.end(path, plan) }, t("endNow")) : null)))) : empty(none));
  }

  async end(path, plan) {
    try {
      await remove(`/${path}/${plan.id}`);
      toast(t("ended", { at: moment(now()) }));
    } catch (problem) {
      this.fail(problem);
    }
    this.load();
  }

  async act(alarm, name) {
    try {
      await doAct(this.model, alarm, name);
    } catch (problem) {
      this.fail(problem);
    }
    this.load();
  }

  fail(problem) {
    if (!(problem instanceof Problem)) throw problem;
    toast(problem.status === 409 ? t("fasterThanYou", { why: why(problem) }) : t("failed", { what: t("actFailed"), why: why(problem) }), "wrong");
  }
}
