// The page of alarms: what is open, in one sentence each; filters in the address; acknowledged by one key or two taps.

import { AlarmList, VIEWS } from "./alarmlist.js";
import { alarmName, alarmRow, mayAcknowledge } from "./alarmrow.js";
import { doAct } from "./acts.js";
import { Problem } from "./api.js";
import { toast } from "./dialogs.js";
import { framed, h, put } from "./dom.js";
import { LongList } from "./longlist.js";
import { empty, Panel, why } from "./panel.js";
import { reportButton } from "./report.js";
import { route, setQuery, toPage } from "./route.js";
import { whereText } from "./say.js";
import { t } from "./texts.js";
import { nobodyReached, receivers } from "./told.js";
import { word } from "./words.js";

const COUNT_OF = { open: "open", unacknowledged: "unacknowledged", nobody: "nobody_answered", held: "held_back" };

export class AlarmsPage {
  constructor(model) {
    this.model = model;
    this.panel = new Panel("desk", t("alarmsPage"));
    this.tabs = h("div", { cls: "tabs", role: "group", "aria-label": t("views") });
    this.chips = h("div", { cls: "chips" });
    this.after = h("div");
    this.notice = h("div");
    this.root = h("div", { cls: "desk-page" }, this.notice, this.panel.root);
    this.redrawTabs = framed(() => this.root.isConnected && this.drawTabs());
    this.list = new AlarmList(model, (part) => (part === "counts" ? this.redrawTabs() : this.redraw()));
    this.rows = new LongList({
      label: t("alarmsPage"), key: (a) => a.id, stamp: () => `${model.stamp()} ${model.session.name}`,
      make: (a) => alarmRow(model, a, (it) => this.acknowledge(it)),
      keys: { a: (a) => mayAcknowledge(model, a) && this.acknowledge(a), Enter: (a) => (location.hash = toPage(model.park, "alarm", a.id)) },
      onEnd: () => this.list.more(),
    });
    this.redraw = framed(() => this.root.isConnected && this.draw());
    this.off = model.on((topic, what) => {
      if (topic === "alarm") this.list.take(what);
      if (topic === "refetched") this.list.filter(this.wanted());
      if (topic === "conditions" && this.wanted().severity !== this.list.wanted?.severity) this.start(); // chosen in the header
      if (["map", "devices", "latest", "rules"].includes(topic) && model.stamp() !== this.drawnWith) this.redraw();
    });
  }

  start() {
    this.list.filter(this.wanted());
    this.drawTabs();
    this.draw();
    if (this.model.may("alarm")) this.drawNotice();
  }

  async drawNotice() {
    const those = await receivers(this.model).catch((problem) => (problem instanceof Problem ? null : Promise.reject(problem)));
    put(this.notice, those && !those.length ? nobodyReached(this.model) : null);
  }

  close() {
    this.off();
    this.list.close();
    this.rows.close();
  }

  wanted() {
    const { query } = route();
    const view = VIEWS.includes(query.get("view")) ? query.get("view") : "open";
    return { view, severity: query.get("severity") ?? "", place: Number(query.get("place")) || 0, life: query.get("life") === "1" };
  }

  choose(changes) {
    setQuery(changes);
    this.model.tell("filter");
    this.start();
  }

  drawTabs() {
    const { view, life, severity, place } = this.wanted();
    const { counts } = this.list;
    put(this.tabs, VIEWS.map((name) => h("button", { type: "button", "aria-pressed": String(name === view), data: { view: name }, cls: name === "nobody" && counts?.nobody_answered ? "loud" : "",
      onclick: () => this.choose({ view: name === "open" ? null : name }) },
    word("view", name), COUNT_OF[name] && counts ? h("b", {}, String(counts[COUNT_OF[name]])) : null)));
    put(this.chips,
      h("button", { type: "button", "aria-pressed": String(life), onclick: () => this.choose({ life: life ? null : "1" }) }, t("lifeOnly")),
      severity ? h("button", { type: "button", cls: "chip", onclick: () => this.choose({ severity: null }) }, `${word("severity", severity)} ✕`, h("span", { cls: "unseen" }, t("clearFilter"))) : null,
      place ? h("button", { type: "button", cls: "chip", onclick: () => this.choose({ place: null }) }, `${whereText(this.model, place)} ✕`, h("span", { cls: "unseen" }, t("clearFilter"))) : null);
    put(this.panel.beside, reportButton(this.model),
      h("a", { href: toPage(this.model.park, "hidden"), cls: "button" }, t("hiddenLink", { n: counts?.held_back ?? 0 })));
  }

  draw() {
    this.drawnWith = this.model.stamp();
    const { asked } = this.list;
    const ready = asked.loaded.has("alarms") ? this.panel.ready(asked, ["alarms"]) : this.panel.ready({ loaded: asked.loaded, problems: asked.problems, load: () => this.start() }, ["alarms"]);
    if (!this.bar) this.bar = h("div", { cls: "bar" }, this.tabs, this.chips, h("p", { cls: "keys quiet" }, t("alarmKeys")));
    if (!this.bar.isConnected) this.panel.root.insertBefore(this.bar, this.panel.body);
    if (!ready) return;
    const items = this.list.items();
    if (!this.rows.root.isConnected) put(this.panel.body, this.rows.root, this.after);
    this.rows.set(items);
    put(this.after, items.length ? null : empty(this.nothing()), this.list.next ? h("p", { cls: "more" }, t("moreFollow"), " ", h("button", { type: "button", onclick: () => this.list.more() }, t("loadMore"))) : null);
  }

  nothing() {
    const { view, severity, place, life } = this.wanted();
    return view === "open" && !severity && !place && !life ? t("noAlarms") : t("noAlarmsHere");
  }

  async acknowledge(alarm) {
    try {
      const after = await doAct(this.model, alarm, "acknowledge");
      this.list.put(after);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (problem.body.alarm) this.list.put(problem.body.alarm); // as it is now
      toast(problem.status === 409 ? t("fasterThanYou", { why: why(problem) }) : t("failed", { what: alarmName(alarm), why: why(problem) }), "wrong");
    }
  }
}
