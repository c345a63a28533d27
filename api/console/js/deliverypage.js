// Whether people are reached: receivers with a test each, what did not arrive and is sent again, receipts of the rest.

import { get, post, remove } from "./api.js";
import { sure, toast, tried } from "./dialogs.js";
import { h, put } from "./dom.js";
import { choice, renew } from "./fields.js";
import { inList } from "./format.js";
import { messageRow } from "./messages.js";
import { about, listed } from "./office.js";
import { Panel } from "./panel.js";
import { Parts } from "./parts.js";
import { route, setQuery } from "./route.js";
import { targetForm } from "./targetform.js";
import { t } from "./texts.js";
import { clockText } from "./times.js";
import { word } from "./words.js";

const PAGE = 100;
const STATES = ["waiting", "sending", "sent_on", "delivered", "dead", "cancelled"];
const RHYTHM = 5_000; // ms: messages are under way while one looks
const WAIT = 1_000, LOOKS = 30; // a test is looked after for half a minute
const OVER = ["delivered", "dead", "cancelled"];

export class DeliveryPage {
  constructor(model) {
    this.model = model;
    this.tests = new Map(); // target -> how its test goes
    this.targets = new Panel("targets", t("receivers"));
    this.dead = new Panel("dead", t("deadLetters"));
    this.messages = new Panel("messages", t("receipts"));
    // Each is drawn by itself: receivers that come in make no choice anew that somebody stands in.
    this.stateChoice = h("label", { cls: "inline" });
    this.targetChoice = h("label", { cls: "inline" });
    this.chosenAlarm = h("span");
    this.bar = h("div", { cls: "bar" }, this.stateChoice, this.targetChoice, this.chosenAlarm);
    this.root = h("div", { cls: "office-page" }, about(t("deliveryAbout")), this.targets.root, this.dead.root, this.messages.root);
    this.parts = new Parts(model, this.root, {
      targets: async () => (await get("/targets")).items.filter((one) => !one.park || one.park === model.park),
      dead: async () => (await get("/deliveries", { state: "dead", limit: PAGE })).items,
      messages: async () => (await get("/deliveries", { ...this.filter(), limit: PAGE })).items,
    }, () => this.draw(), { every: RHYTHM });
  }

  start() {
    this.parts.start();
  }

  close() {
    this.parts.close();
    this.closed = true;
  }

  filter() {
    const { query } = route();
    return { state: STATES.includes(query.get("state")) ? query.get("state") : "", target: query.get("target") ?? "", alarm: Number(query.get("alarm")) || 0 };
  }

  draw() {
    const { asked, held } = this.parts;
    put(this.targets.beside, this.model.may("chains") ? h("button", { type: "button", onclick: () => this.form() }, t("newReceiver")) : null);
    if (this.targets.ready(asked, ["targets"])) {
      renew(this.targets.body, held.targets.length ? h("ul", { cls: "rows" }, held.targets.map((one) => this.target(one))) : h("p", { cls: "state error" }, t("noReceivers")));
    }
    const may = this.model.may("duty");
    put(this.dead.beside, may && held.dead?.length > 1 ? h("button", { type: "button", onclick: () => this.allAgain() }, t("allAgain", { n: held.dead.length })) : null);
    if (this.dead.ready(asked, ["dead"])) listed(this.dead, held.dead, (one) => this.message(one, may), t("noDead"));
    this.drawBar();
    if (this.messages.ready(asked, ["messages"])) listed(this.messages, held.messages, (one) => this.message(one, false), t("noMessages"));
  }

  drawBar() {
    const { state, target, alarm } = this.filter();
    const chosen = (changes) => {
      setQuery(changes);
      this.parts.load("messages");
    };
    const names = (this.parts.held.targets ?? []).map((one) => one.name);
    renew(this.stateChoice, t("stateField"), " ", choice("state", [["", t("any")], ...STATES.map((name) => [name, word("delivery", name)])], state, { onchange: (event) => chosen({ state: event.target.value }) }));
    renew(this.targetChoice, t("receiver"), " ", choice("target", [["", t("any")], ...names.map((name) => [name, name])], target, { onchange: (event) => chosen({ target: event.target.value }) }));
    renew(this.chosenAlarm, alarm ? h("button", { type: "button", cls: "chip", onclick: () => chosen({ alarm: null }) }, `${t("alarmNumber", { n: alarm })} ✕`, h("span", { cls: "unseen" }, t("clearFilter"))) : null);
    if (!this.bar.isConnected) this.messages.root.insertBefore(this.bar, this.messages.body);
  }

  target(one) {
    const mine = this.model.may("chains") && (one.park || this.model.session.parks === null);
    const facts = [one.url, inList(one.addresses), t("fromSeverity", { severity: word("severity", one.least) }), one.broadcast ? t("takesAll") : t("takesNamed"),
      one.quiet[0] === one.quiet[1] ? "" : t("quietHours", { from: clockText(one.quiet[0]), to: clockText(one.quiet[1]) }), one.park ? "" : t("ofAllParks")].filter(Boolean);
    return h("li", { cls: `row target ${one.enabled ? "" : "off"}` }, h("span", { cls: "mark" }, word("channel", one.channel)),
      h("div", { cls: "said" }, h("p", { cls: "what" }, h("strong", {}, one.name), one.enabled ? null : h("span", { cls: "tag loud" }, t("turnedOff")), one.trusted ? h("span", { cls: "tag" }, t("ofSettings")) : null), h("p", { cls: "facts" }, facts.join(" · ")), this.testLine(one)),
      h("div", { cls: "when" }, mine ? [h("button", { type: "button", cls: "primary", data: { act: `test-${one.name}` }, disabled: !one.enabled || this.tests.get(one.id)?.state === "waiting", onclick: () => this.test(one) }, t("testReceiver")),
        h("button", { type: "button", onclick: () => this.form(one) }, t("change")), h("button", { type: "button", onclick: () => this.end(one) }, t("endNow"))] : null));
  }

  testLine(one) {
    const test = this.tests.get(one.id);
    if (!test) return null;
    const said = test.state === "delivered" ? t("testArrived", { seconds: ((test.ended - test.created) / 1_000).toFixed(1), receipt: test.receipt }) : test.state === "dead" ? t("testFailed", { why: test.trouble }) : test.trouble ? t("testWaitsWhy", { why: test.trouble }) : t("testWaits");
    return h("p", { cls: `test ${test.state}`, role: "status" }, said);
  }

  /** Send a test, and look after it until it has come to an end. */
  async test(one) {
    const sent = await tried(t("testReceiver"), async () => this.tests.set(one.id, await post(`/targets/${one.id}/test`, undefined)));
    for (let look = 0; sent && look < LOOKS && !this.closed; look += 1) {
      const test = this.tests.get(one.id);
      this.parts.redraw();
      if (OVER.includes(test.state)) break;
      await new Promise((resolve) => setTimeout(resolve, WAIT));
      await tried(t("testReceiver"), async () => {
        const found = (await get("/deliveries", { target: one.name, limit: PAGE })).items.find((message) => message.id === test.id);
        if (found) this.tests.set(one.id, found);
      });
    }
    this.parts.load("messages", "dead");
  }

  message(one, again) {
    const button = again ? h("button", { type: "button", data: { act: `again-${one.id}` }, onclick: () => this.again([one]) }, t("sendAgain")) : null;
    return messageRow(this.model, one, { named: true, again: button });
  }

  allAgain() {
    return sure(t("sendAgain"), t("allAgainAbout", { n: this.parts.held.dead.length }), t("sendAgain"), async () => this.again(this.parts.held.dead));
  }

  async again(some) {
    let sent = 0;
    for (const one of some) if (await tried(one.target, () => post(`/deliveries/${encodeURIComponent(one.id)}/again`, undefined))) sent += 1;
    if (sent) toast(t("sentAgain", { n: sent }));
    this.parts.load("dead", "messages");
  }

  async form(old) {
    if (await targetForm(this.model, old)) toast(t("kept"));
    this.parts.load();
  }

  async end(one) {
    if (await sure(t("endNow"), t("endReceiverAbout", { name: one.name }), t("endNow"), () => remove(`/targets/${one.id}`))) toast(t("kept"));
    this.parts.load();
  }
}
