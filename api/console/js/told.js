// Who was told of an alarm, when, and whether it arrived; and what to do where nobody could be told.

import { get } from "./api.js";
import { h } from "./dom.js";
import { renew } from "./fields.js";
import { messageRow } from "./messages.js";
import { empty, Panel } from "./panel.js";
import { Parts } from "./parts.js";
import { toPage } from "./route.js";
import { t } from "./texts.js";

const MOST = 50; // messages: an alarm that has more is looked up on the page of deliveries
const RHYTHM = 5_000; // ms: messages are under way while one looks

const ofPark = (model, targets) => targets.filter((one) => one.enabled && (!one.park || one.park === model.park));

/** Receivers of a park that take messages. */
export const receivers = async (model) => ofPark(model, (await get("/targets")).items);

/** That alarms of this park reach nobody, and where that is changed. */
export const nobodyReached = (model) => h("p", { cls: "state error unreached" }, t("noReceivers"), " ", h("a", { href: toPage(model.park, "delivery") }, t("navDelivery")));

export class Told {
  constructor(model, alarm) {
    Object.assign(this, { model, alarm });
    this.panel = new Panel("told", t("whoWasTold"));
    this.root = this.panel.root;
    this.parts = new Parts(model, this.root, {
      messages: async () => (await get("/deliveries", { alarm, limit: MOST })).items,
      receivers: () => receivers(model),
    }, () => this.draw(), { every: RHYTHM });
  }

  start() {
    this.parts.start();
  }

  close() {
    this.parts.close();
  }

  draw() {
    if (!this.panel.ready(this.parts.asked, ["messages", "receivers"])) return;
    const { messages, receivers: those } = this.parts.held;
    const none = those.length ? empty(t("toldNobody")) : nobodyReached(this.model);
    renew(this.panel.body, messages.length ? h("ul", { cls: "rows" }, messages.map((one) => messageRow(this.model, one))) : none,
      messages.length === MOST ? h("p", { cls: "more" }, h("a", { href: toPage(this.model.park, "delivery", 0, `alarm=${this.alarm}`) }, t("showAll"))) : null);
  }
}
