// One alarm on one screen: what it is, what to do, who has it; its place, its curve at that time, all that happened.

import { ACTS, actsOf, doAct, NOTE_MOST } from "./acts.js";
import { AlarmChart } from "./alarmchart.js";
import { alarmName, alarmTags, ownerText, twice } from "./alarmrow.js";
import { all, get, post, Problem, send } from "./api.js";
import { Asked } from "./asked.js";
import { toast } from "./dialogs.js";
import { framed, h, keyed, put } from "./dom.js";
import { moment, yearText } from "./format.js";
import { MiniPlan } from "./miniplan.js";
import { empty, Panel, why } from "./panel.js";
import { toPage } from "./route.js";
import { ageSpan, badge, place } from "./rows.js";
import { advice, deviceText, measured, tenantText } from "./say.js";
import { lang, t } from "./texts.js";
import { word } from "./words.js";

const FILES = "image/jpeg,image/png,image/webp,application/pdf,text/plain";
const FILE_MOST = 5 << 20; // bytes, as the platform takes them

export class AlarmPage {
  constructor(model, id) {
    this.model = model;
    this.id = id;
    this.alarm = null;
    this.lines = [];
    this.files = [];
    this.rules = [];
    this.about = new Panel("about-alarm", t("alarm"));
    this.todo = new Panel("todo", t("whatToDo"));
    this.story = new Panel("story", t("timeline"));
    this.curve = new Panel("alarm-curve", t("curveThen"));
    this.site = new Panel("site", t("map"));
    this.papers = new Panel("files", t("files"));
    this.chart = new AlarmChart(model, this.curve);
    this.mini = new MiniPlan(model);
    this.root = h("div", { cls: "alarm-page" }, h("p", {}, h("a", { cls: "up", href: toPage(model.park, "alarms") }, `← ${t("alarmsPage")}`)),
      this.about.root, h("div", { cls: "column" }, this.story.root, this.curve.root), h("div", { cls: "column" }, this.todo.root, this.site.root, this.papers.root));
    this.asked = new Asked({
      alarm: async () => this.see(await get(`/alarms/${id}`)),
      story: async () => {
        this.lines = await all(`/alarms/${id}/history`);
      },
      files: async () => {
        this.files = (await get(`/alarms/${id}/attachments`)).items;
      },
      rules: async () => {
        this.rules = (await get("/rules")).rules;
      },
    }, () => this.redraw());
    this.redraw = framed(() => this.root.isConnected && this.draw());
    this.off = model.on((topic, what) => {
      if ((topic === "alarm" && what === id) || topic === "refetched") this.load();
      if (["map", "devices", "latest"].includes(topic) && model.stamp() !== this.drawnWith) this.redraw();
    });
    this.themed = () => this.chart.draw();
    document.addEventListener("themechange", this.themed);
    this.keys = (event) => this.pressed(event);
    document.addEventListener("keydown", this.keys);
  }

  start() {
    this.draw();
    this.load();
    this.asked.load("rules");
  }

  load() {
    for (const part of ["alarm", "story", "files"]) this.asked.load(part);
  }

  close() {
    this.off();
    this.asked.close();
    this.chart.close();
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
    this.drawStory();
    this.drawFiles();
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
    const others = alarm.devices.length > 1 ? alarm.devices.map((d) => deviceText(model, model.devices.get(d)) || `#${d}`).join("、") : deviceText(model, device);
    put(this.about.body,
      h("p", { cls: "sentence" }, place(model, at, alarm.subject), " ", h("span", {}, tenantText(model, at)), " · ", word("reason", alarm.reason), measured(model, alarm) ? ` · ${measured(model, alarm)}` : "",
        " · ", ownerText(model, alarm)),
      h("dl", { cls: "facts-list" },
        fact("raisedAt", [h("time", {}, `${yearText(alarm.raised)} ${moment(alarm.raised)}`), " ", ageSpan(alarm.raised)]),
        fact("conditionSince", alarm.since && Math.abs(alarm.since - alarm.raised) > 1_000 ? moment(alarm.since) : ""),
        fact("deviceOf", others),
        fact("acknowledgedBy", alarm.acknowledged ? `${alarm.acknowledged_by} ${moment(alarm.acknowledged_at)}` : ""),
        fact("escalation", alarm.answer === "none" ? "" : word("answer", alarm.answer)),
        fact("heldBack", alarm.held_back.map((s) => `${word("held", s.reason)}${s.until ? ` ${t("until", { at: moment(s.until) })}` : ""}`).join("、")),
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
    names.length || this.alarm.closed !== null ? null : h("p", { cls: "quiet" }, t("mayNotAct")));
    return this.bar;
  }

  drawTodo() {
    const { alarm } = this;
    const rule = this.rules.find((r) => `limit.${r.rule}` === alarm.rule || r.rule === alarm.rule);
    const runbook = rule?.annotations[lang() === "zh" ? "runbook_zh" : "runbook_en"];
    put(this.todo.body, h("div", { cls: "padded" }, h("p", { cls: "advice" }, advice(alarm)), runbook ? h("p", { cls: "runbook" }, runbook) : null,
      rule?.basis ? h("p", { cls: "quiet" }, t("basis", { text: rule.basis })) : null));
  }

  drawStory() {
    if (!this.story.ready(this.asked, ["story"])) return;
    if (!this.timeline) this.timeline = h("ol", { cls: "timeline" });
    if (!this.timeline.isConnected) put(this.story.body, this.timeline, this.commentForm());
    keyed(this.timeline, this.lines, (line) => line.id, (line) => this.line(line), document.documentElement.lang);
  }

  line(line) {
    const moved = line.before && line.before !== line.after ? `${word("case", line.before)} → ${word("case", line.after)}` : "";
    const reason = ["condition", "person", "finding", "device"].includes(line.why) ? "" : word("transition", line.why);
    return h("li", { cls: `step ${line.verb}` }, h("time", { datetime: new Date(line.at).toISOString() }, moment(line.at)),
      h("div", {}, h("p", {}, h("strong", {}, word("verb", line.verb)), " ", h("span", { cls: "who" }, line.actor || t("platform")), reason ? ` · ${reason}` : "", moved ? h("span", { cls: "quiet" }, ` · ${moved}`) : null),
        line.note ? h("p", { cls: "note" }, line.note) : null));
  }

  commentForm() {
    if (!this.model.may("alarm")) return null;
    const text = h("textarea", { name: "comment", "aria-label": t("comment"), required: true, maxlength: NOTE_MOST, rows: 2, placeholder: t("comment") });
    const button = h("button", { type: "submit" }, t("commentDo"));
    return h("form", { cls: "comment-form", onsubmit: async (event) => {
      event.preventDefault();
      button.disabled = true;
      try {
        this.see(await post(`/alarms/${this.id}/comment`, { note: text.value.trim() }));
        text.value = "";
        this.load();
      } catch (problem) {
        this.fail(problem, "comment");
      } finally {
        button.disabled = false;
      }
    } }, text, button);
  }

  drawFiles() {
    if (!this.papers.ready(this.asked, ["files"])) return;
    const input = h("input", { type: "file", accept: FILES, cls: "unseen", id: "attach", onchange: () => input.files[0] && this.attach(input.files[0]) });
    put(this.papers.beside, this.model.may("alarm") ? [input, h("label", { for: "attach", cls: "button" }, t("attach"))] : null);
    put(this.papers.body, this.files.length ? h("ul", { cls: "file-list" }, this.files.map((file) => h("li", {},
      h("a", { href: `/api/v1/alarms/${this.id}/attachments/${file.id}`, download: file.name }, file.name), h("span", { cls: "quiet" }, ` ${Math.ceil(file.size / 1024)} KiB · ${file.actor} · ${moment(file.at)}`)))) : empty(t("noFiles")));
  }

  async attach(file) {
    try {
      if (file.size > FILE_MOST) throw new Problem(413, t("fileTooLarge"));
      await send(`/alarms/${this.id}/attachments`, { name: file.name }, file);
      this.load();
    } catch (problem) {
      this.fail(problem, "attach");
    }
  }

  async act(name) {
    try {
      const after = await doAct(this.model, this.alarm, name);
      if (!after) return;
      this.see(after);
    } catch (problem) {
      this.fail(problem, "actFailed");
    }
    this.load();
  }

  fail(problem, what) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.body.alarm) this.see(problem.body.alarm);
    toast(problem.status === 409 ? t("fasterThanYou", { why: why(problem) }) : t("failed", { what: t(what), why: why(problem) }), "wrong");
    this.redraw();
  }
}
