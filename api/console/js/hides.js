// What an alarm hides while it stands: a gateway the silence behind it, a main switch what it feeds, a flood the many.

import { get } from "./api.js";
import { h } from "./dom.js";
import { renew } from "./fields.js";
import { empty, Panel } from "./panel.js";
import { Parts } from "./parts.js";
import { toPage } from "./route.js";
import { badge } from "./rows.js";
import { conditionText, deviceText } from "./say.js";
import { t } from "./texts.js";

const MOST = 500; // hidden alarms that are looked through
const SHOWN = 20;
const RHYTHM = 5_000; // ms

/** Whether alarms of a rule may hide others: what alerts/suppression.py lets be a source. */
export const mayHide = (alarm) => alarm.closed === null && ["device.gateway_down", "limit.under_voltage", "flood"].includes(alarm.rule);

export class Hides {
  constructor(model, alarm) {
    Object.assign(this, { model, alarm });
    this.panel = new Panel("hides", t("hidesThese"));
    this.root = this.panel.root;
    this.root.hidden = true;
    this.parts = new Parts(model, this.root, {
      hidden: async () => {
        const page = await get("/hidden", { limit: MOST });
        return { items: page.items.filter(({ why }) => why.some((one) => one.by === `case:${alarm}`)), more: page.next !== null };
      },
    }, () => this.draw(), { every: RHYTHM });
  }

  /** Its alarm may hide others, or does no more; before it does nothing is asked. */
  shown(may) {
    this.root.hidden = !may;
    if (may && !this.begun) this.parts.start();
    this.begun ||= may;
  }

  close() {
    this.parts.close();
  }

  draw() {
    if (!this.panel.ready(this.parts.asked, ["hidden"])) return;
    const { items, more } = this.parts.held.hidden;
    const device = (alarm) => deviceText(this.model, this.model.devices.get(alarm.device));
    renew(this.panel.body, items.length ? h("ul", { cls: "rows" }, items.slice(0, SHOWN).map(({ alarm }) => h("li", { cls: "row" }, badge(alarm.severity),
      h("div", { cls: "said" }, h("p", {}, h("a", { href: toPage(this.model.park, "alarm", alarm.id) }, conditionText(this.model, alarm)), h("span", { cls: "quiet" }, ` ${device(alarm)}`)))))) : empty(t("hidesNothing")),
    items.length > SHOWN || more ? h("p", { cls: "more" }, h("a", { href: toPage(this.model.park, "hidden") }, t("showAll"))) : null);
  }
}
