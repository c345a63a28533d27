// What came in and could not be taken: refused messages with why, tried again or set aside; devices that wait to be claimed.

import { all, get, post } from "./api.js";
import { claimForm } from "./claimform.js";
import { sure, toast, tried } from "./dialogs.js";
import { h, put } from "./dom.js";
import { choice, renew, words } from "./fields.js";
import { moment, number } from "./format.js";
import { about, listed } from "./office.js";
import { empty, Panel } from "./panel.js";
import { Parts } from "./parts.js";
import { route, setQuery } from "./route.js";
import { ageSpan } from "./rows.js";
import { t } from "./texts.js";
import { codesOf, word } from "./words.js";

const PAGE = 200;

export class QuarantinePage {
  constructor(model) {
    this.model = model;
    this.chosen = new Set();
    this.payloads = new Map(); // id -> what a message holds, once asked for
    this.after = [0]; // where each page of the list begins
    this.waiting = new Panel("waiting", t("waitingDevices"));
    this.refused = new Panel("refused", t("refusedMessages"));
    this.bar = h("div", { cls: "bar" });
    this.root = h("div", { cls: "office-page" }, about(t("quarantineAbout")), this.waiting.root, this.refused.root);
    this.parts = new Parts(model, this.root, {
      waiting: () => get("/waiting"),
      parks: () => all("/parks"),
      refused: () => get("/quarantine", { ...this.filter(), after: this.after.at(-1), limit: PAGE }),
    }, () => this.draw());
  }

  start() {
    this.parts.start();
  }

  close() {
    this.parts.close();
  }

  filter() {
    const { query } = route();
    const reason = query.get("reason") ?? "";
    return { reason: codesOf("refusal").includes(reason) ? reason : "", device_key: query.get("device") ?? "" };
  }

  filtered(changes) {
    setQuery(changes);
    this.after = [0];
    this.chosen.clear();
    this.parts.load("refused");
  }

  draw() {
    const { asked, held } = this.parts;
    if (this.waiting.ready(asked, ["waiting"])) {
      put(this.waiting.beside, h("b", { cls: "total" }, String(held.waiting.length)));
      listed(this.waiting, held.waiting, (device) => this.device(device), t("noWaiting"));
    }
    this.drawBar();
    if (this.refused.ready(asked, ["refused"])) this.drawRefused(held.refused);
  }

  /** The park that a device's topic names, where there is none of that code. */
  stray(key) {
    const named = /^native:([^/]+)\//u.exec(key)?.[1];
    return named && this.parts.held.parks?.every((park) => park.code !== named) ? h("p", { cls: "state error" }, t("noSuchPark", { code: named })) : null;
  }

  device(device) {
    return h("li", { cls: "row" }, h("span", { cls: "mark" }, t("messageCount", { n: number(device.messages) })),
      h("div", { cls: "said" }, h("p", { cls: "what" }, h("strong", {}, device.device_key)), h("pre", { cls: "payload" }, device.text ?? `base64 ${device.base64}`), this.stray(device.device_key)),
      h("div", { cls: "when" }, moment(device.newest), ageSpan(device.newest), h("button", { type: "button", cls: "primary", onclick: () => this.claim(device) }, t("claim")),
        h("button", { type: "button", onclick: () => this.filtered({ device: device.device_key, reason: null }) }, t("itsMessages"))));
  }

  async claim(device) {
    if (await claimForm(this.model, device)) {
      toast(t("claimed", { key: device.device_key }));
      this.model.load("map");
      this.model.load("devices");
      this.model.load("latest");
    }
    this.parts.load();
  }

  drawBar() {
    const { reason, device_key: key } = this.filter();
    const device = words("device", key, { maxlength: 300, "aria-label": t("deviceKey"), placeholder: t("deviceKey"), onchange: () => this.filtered({ device: device.value.trim() }) });
    const n = this.chosen.size;
    renew(this.bar, h("label", { cls: "inline" }, t("why"), " ", choice("reason", [["", t("any")], ...codesOf("refusal").map((name) => [name, word("refusal", name)])], reason, { onchange: (event) => this.filtered({ reason: event.target.value }) })), device,
      h("span", { cls: "beside" }, h("button", { type: "button", data: { act: "retry" }, disabled: !n, onclick: () => this.retry() }, t("retryChosen", { n })), h("button", { type: "button", data: { act: "discard" }, disabled: !n, onclick: () => this.discard() }, t("discardChosen", { n }))));
    if (!this.bar.isConnected) this.refused.root.insertBefore(this.bar, this.refused.body);
  }

  drawRefused({ items, next }) {
    const known = new Set(items.map((one) => one.id));
    for (const id of this.chosen) if (!known.has(id)) this.chosen.delete(id);
    const whole = h("input", { type: "checkbox", checked: items.length > 0 && items.every((one) => this.chosen.has(one.id)), "aria-label": t("chooseAll"), onchange: () => {
      items.forEach((one) => (whole.checked ? this.chosen.add(one.id) : this.chosen.delete(one.id)));
      this.parts.redraw();
    } });
    renew(this.refused.body, items.length ? [h("label", { cls: "box padded" }, whole, h("span", {}, t("chooseAll"))), h("ul", { cls: "rows" }, items.map((one) => this.row(one)))] : empty(t("noRefused")),
      this.after.length > 1 || next ? h("p", { cls: "more" }, this.after.length > 1 ? h("button", { type: "button", onclick: () => { this.after.pop(); this.parts.load("refused"); } }, t("pageBefore")) : null, " ",
        next ? h("button", { type: "button", onclick: () => { this.after.push(next); this.parts.load("refused"); } }, t("pageAfter")) : null) : null);
  }

  row(one) {
    const box = h("input", { type: "checkbox", checked: this.chosen.has(one.id), "aria-label": t("chooseMessage", { n: one.id }), onchange: () => {
      if (box.checked) this.chosen.add(one.id);
      else this.chosen.delete(one.id);
      this.drawBar();
    } });
    const payload = this.payloads.get(one.id);
    const details = h("details", { id: `payload-${one.id}`, open: Boolean(payload), ontoggle: () => details.open && !payload && this.show(one) }, h("summary", {}, t("payload", { size: number(one.size) })),
      payload ? [h("pre", { cls: "payload" }, payload.text ?? `base64 ${payload.base64}`), payload.cut ? h("p", { cls: "quiet" }, t("payloadCut")) : null] : null);
    return h("li", { cls: "row refused" }, h("span", { cls: "mark" }, box),
      h("div", { cls: "said" }, h("p", { cls: "what" }, h("strong", {}, word("refusal", one.reason)), " ", h("span", { cls: "place" }, one.device_key || t("unknownDevice")), one.alarm ? h("span", { cls: "tag loud" }, t("holdsAlarm", { what: one.alarm })) : null),
        h("p", { cls: "facts" }, [one.detail, one.reason === "no_dialect" ? t("topicForm") : "", one.topic, one.readings ? t("valuesRefused", { n: one.readings }) : t("wholeMessage")].filter(Boolean).join(" · ")), details),
      h("div", { cls: "when" }, moment(one.received), ageSpan(one.received)));
  }

  async show(one) {
    await tried(t("payload", { size: one.size }), async () => this.payloads.set(one.id, await get(`/quarantine/${one.id}`)));
    this.parts.redraw();
  }

  async retry() {
    await tried(t("retryChosen", { n: this.chosen.size }), async () => {
      const { moved } = await post("/quarantine/retry", { ids: [...this.chosen] });
      toast(t("retried", { n: moved }));
      this.chosen.clear();
    });
    this.parts.load();
  }

  async discard() {
    const ids = [...this.chosen];
    if (await sure(t("discardChosen", { n: ids.length }), t("discardAbout"), t("discard"), () => post("/quarantine/discard", { ids }))) {
      toast(t("discarded", { n: ids.length }));
      this.chosen.clear();
    }
    this.parts.load();
  }
}
