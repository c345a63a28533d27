// One alarm on one screen: what it is, what to do, who has it; its place, its curve at that time, all that happened.

import { ACTS, actsOf, doAct } from "./acts.js";
import { AlarmChart } from "./alarmchart.js";
import { alarmName, alarmTags, ownerText, platformNote, twice } from "./alarmrow.js";
import { all, get, post, Problem } from "./api.js";
import { Asked } from "./asked.js";
import { toast } from "./dialogs.js";
import { framed, h, put } from "./dom.js";
import { Files } from "./files.js";
import { inList, moment } from "./format.js";
import { reportHazard } from "./hazardspage.js";
import { Hides, mayHide } from "./hides.js";
import { MiniPlan } from "./miniplan.js";
import { dated } from "./office.js";
import { empty, Panel, why } from "./panel.js";
import { toPage } from "./route.js";
import { ageSpan, badge, place } from "./rows.js";
import { advice, deviceText, measured, tenantText } from "./say.js";
import { Story, storyLine } from "./story.js";
import { lang, t } from "./texts.js";
import { Told } from "./told.js";
import { word } from "./words.js";

export class AlarmPage {
  constructor(model, id) {
    this.model = model;
    this.id = id;
    this.alarm = null;
    this.lines = [];
    this.about = new Panel("about-alarm", t("alarm"));
    this.todo = new Panel("todo", t("whatToDo"));
    this.story = new Story({ line: (line) => this.line(line), say: model.may("alarm") ? (text) => this.comment(text) : null });
    this.curve = new Panel("alarm-curve", t("curveThen"));
    this.site = new Panel("site", t("map"));
    this.files = new Files(`/alarms/${id}`, { may: model.may("alarm"), done: () => this.load() });
    this.told = model.may("alarm") ? new Told(model, id) : null;
    this.hides = new Hides(model, id);
    this.chart = new AlarmChart(model, this.curve);
    this.mini = new MiniPlan(model);
    this.root = h("div", { cls: "alarm-page" }, h("p", {}, h("a", { cls: "up", href: toPage(model.park, "alarms") }, `← ${t("alarmsPage")}`)),
      this.about.root, h("div", { cls: "column" }, this.story.root, this.hides.root, this.curve.root), h("div", { cls: "column" }, this.todo.root, this.told?.root, this.site.root, this.files.root));
    this.asked = new Asked({
      alarm: async () => this.see(await get(`/alarms/${id}`)),
      story: async () => {
        // What a stage did is written before what a person asked of it just before.
        this.lines = (await all(`/alarms/${id}/history`)).sort((a, b) => a.at - b.at || a.id - b.id);
      },
      files: () => this.files.load(),
    }, () => this.redraw());
    this.redraw = framed(() => this.root.isConnected && this.draw());
    this.off = model.on((topic, what) => {
      if ((topic === "alarm" && what === id) || topic === "refetched") this.load();
      if (["map", "devices", "latest", "rules"].includes(topic) && model.stamp() !== this.drawnWith) this.redraw();
    });
    this.themed = () => this.chart.draw();
    document.addEventListener("themechange", this.themed);
    this.keys = (event) => this.pressed(event);
    document.addEventListener("keydown", this.keys);
  }

  start() {
    this.draw();
    this.load();
    this.told?.start();
  }

  load() {
    for (const part of ["alarm", "story", "files"]) this.asked.load(part);
    this.told?.parts.load();
  }

  close() {
    this.off();
    this.asked.close();
    this.chart.close();
    this.told?.close();
    this.hides.close();
    document.removeEventListener("themechange", this.themed);
    document.removeEventListener("keydown", this.keys);
  }

  see(alarm) {
    if (this.alarm && this.alarm.version > alarm.version) return;
    this.alarm = alarm;
  }

  /** `a` acknowledges while nothing that takes letters, or acts on keys, has the focus. */
  pressed(event) {
    if (event.key !== "a" || event.ctrlKey || event.metaKey || event.altKey || !this.alarm || document.querySelector("dialog")) return;
    if (![document.body, document.getElementById("main")].includes(document.activeElement)) return;
    if (actsOf(this.model, this.alarm).includes("acknowledge")) this.act("acknowledge");
  }

  draw() {
    this.drawnWith = this.model.stamp();
    if (!this.about.ready(this.asked, ["alarm"])) return;
    this.drawAbout();
    this.drawTodo();
    if (this.hides.root.hidden === mayHide(this.alarm)) this.hides.shown(mayHide(this.alarm));
    if (this.story.panel.ready(this.asked, ["story"])) this.story.draw(this.lines, this.model.stamp());
    if (this.files.panel.ready(this.asked, ["files"])) this.files.draw();
    put(this.site.body, this.mini.draw(this.model.placeOf(this.alarm), this.alarm.severity) ?? empty(t("placeUnknown")));
    this.chart.show(this.alarm);
  }

  drawAbout() {
    const { alarm, model } = this;
    const at = model.placeOf(alarm);
    const device = model.devices.get(alarm.device);
    this.about.root.className = `panel about-alarm ${alarm.severity}${alarm.life && alarm.active ? " burning" : ""}`;
    put(this.about.title, badge(alarm.severity), " ", alarmName(alarm));
    put(this.about.beside, alarmTags(alarm));
    const fact = (name, value) => (value ? h("div", {}, h("dt", {}, t(name)), h("dd", {}, value)) : null);
    const others = alarm.devices.length > 1 ? inList(alarm.devices.map((d) => deviceText(model, model.devices.get(d)) || `#${d}`)) : deviceText(model, device);
    put(this.about.body,
      h("p", { cls: "sentence" }, place(model, at, alarm.subject), " ", h("span", {}, tenantText(model, at)), " · ", word("reason", alarm.reason), measured(model, alarm) ? ` · ${measured(model, alarm)}` : "",
        " · ", ownerText(model, alarm)),
      h("dl", { cls: "facts-list" },
        fact("raisedAt", [h("time", {}, dated(alarm.raised)), " ", ageSpan(alarm.raised)]),
        fact("conditionSince", alarm.since && Math.abs(alarm.since - alarm.raised) > 1_000 ? moment(alarm.since) : ""),
        fact("deviceOf", others),
        fact("acknowledgedBy", alarm.acknowledged ? `${alarm.acknowledged_by} ${moment(alarm.acknowledged_at)}` : ""),
        fact("escalation", alarm.answer === "none" ? "" : word("answer", alarm.answer)),
        fact("heldBack", inList(alarm.held_back.map((s) => `${word("held", s.reason)}${s.until ? ` ${t("until", { at: moment(s.until) })}` : ""}`))),
        fact("resetAsked", alarm.reset_asked ? moment(alarm.reset_asked) : ""),
        fact("closedAt", alarm.closed ? `${moment(alarm.closed)} ${alarm.verdict ? word("verdict", alarm.verdict) : ""}` : "")),
      this.buttons());
  }

  buttons() {
    const names = actsOf(this.model, this.alarm);
    const sign = `${names} ${document.documentElement.lang} ${this.alarm.version}`;
    if (this.drawnActs === sign) return this.bar; // an armed button stays armed while other things change
    this.drawnActs = sign;
    this.bar = h("div", { cls: "acts", role: "group", "aria-label": t("actsAbout") }, names.map((name) => (name === "acknowledge"
      ? twice(`${this.alarm.id}/${this.alarm.version}`, t("acknowledge"), () => this.act(name), "primary ack")
      : h("button", { type: "button", cls: ACTS[name].loud ? "loud" : "", data: { act: name }, onclick: () => this.act(name) }, word("act", name)))),
    this.model.may("alarm") && this.model.placeOf(this.alarm) ? h("button", { type: "button", cls: "flat", onclick: () => this.asHazard() }, t("asHazard")) : null,
    names.length || this.alarm.closed !== null ? null : h("p", { cls: "quiet" }, t("mayNotAct")));
    return this.bar;
  }

  asHazard() {
    return reportHazard(this.model, { place: this.model.placeOf(this.alarm), title: alarmName(this.alarm), origin: `alarm:${this.id}` });
  }

  drawTodo() {
    const { alarm } = this;
    const first = this.model.runbookOf(alarm.rule);
    const basis = this.model.ruleOf(alarm.rule)?.basis || first?.basis;
    const whole = alarm.life && first ? first[lang()] : ""; // as messages tell it
    put(this.todo.body, h("div", { cls: "padded" }, h("p", { cls: "advice" }, advice(this.model, alarm)), whole ? h("p", {}, whole) : null,
      basis ? h("p", { cls: "quiet" }, t("basis", { text: basis })) : null));
  }

  line(line) {
    const moved = line.before && line.before !== line.after ? `${word("case", line.before)} → ${word("case", line.after)}` : "";
    const reason = ["condition", "person", "finding", "device"].includes(line.why) ? "" : word("transition", line.why);
    const device = line.device ? deviceText(this.model, this.model.devices.get(line.device)) || `#${line.device}` : "";
    return storyLine({ ...line, note: platformNote(line) }, word("verb", line.verb), [device ? ` · ${device}` : "", reason ? ` · ${reason}` : "", moved ? h("span", { cls: "quiet" }, ` · ${moved}`) : null]);
  }

  async comment(text) {
    this.see(await post(`/alarms/${this.id}/comment`, { note: text }));
    this.load();
  }

  async act(name) {
    try {
      const after = await doAct(this.model, this.alarm, name);
      if (!after) return;
      this.see(after);
    } catch (problem) {
      this.fail(problem);
    }
    this.load();
  }

  fail(problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.body.alarm) this.see(problem.body.alarm);
    toast(problem.status === 409 ? t("fasterThanYou", { why: why(problem) }) : t("failed", { what: t("actFailed"), why: why(problem) }), "wrong");
    this.redraw();
  }
}
