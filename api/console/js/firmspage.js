// Enterprises as they are now, the worst first; a year of days and the reasons of the one that is chosen.

import { ActivityPanel } from "./activity.js";
import { get } from "./api.js";
import { Asked } from "./asked.js";
import { framed, h, put } from "./dom.js";
import { percent } from "./format.js";
import { empty, Panel } from "./panel.js";
import { Papers } from "./papers.js";
import { route, setQuery, toUnit } from "./route.js";
import { t } from "./texts.js";
import { word } from "./words.js";

export class FirmsPage {
  constructor(model) {
    this.model = model;
    this.panel = new Panel("firms", t("firms"));
    this.activity = new ActivityPanel();
    this.papers = new Papers(model, () => {
      this.asked.load("firms");
      this.activity.show(this.chosen());
    });
    this.root = h("div", { cls: "firms-page" }, this.activity.root, this.papers.root, this.panel.root);
    this.asked = new Asked({
      firms: async () => {
        this.told = await get(`/parks/${model.park}/activity`);
      },
    }, () => this.redraw());
    this.redraw = framed(() => this.root.isConnected && this.draw());
    this.off = model.on((topic) => {
      if (topic === "refetched") this.asked.load("firms");
      if (topic === "map") this.redraw(); // units of tenants
    });
  }

  start() {
    this.draw();
    this.asked.load("firms");
    this.activity.show(this.chosen());
  }

  close() {
    this.off();
    this.asked.close();
    this.activity.close();
    this.papers.close();
  }

  chosen() {
    return Number(route().query.get("firm")) || 0;
  }

  choose(firm) {
    setQuery({ firm });
    this.activity.chosen = undefined; // the newest day of another firm
    this.activity.show(firm);
    this.draw();
    this.activity.root.scrollIntoView({ block: "nearest" });
  }

  draw() {
    if (!this.panel.ready(this.asked, ["firms"])) return;
    const { enterprises, states, recovery } = this.told;
    this.papers.show(this.chosen(), enterprises.find((firm) => firm.enterprise === this.chosen())?.name ?? "");
    put(this.panel.beside, h("ul", { cls: "status-counts" }, Object.entries(states).map(([state, n]) => h("li", {}, word("activity", state), " ", h("b", {}, String(n))))),
      h("a", { cls: "button", href: `/api/v1/parks/${this.model.park}/activity.csv`, download: "" }, t("asTable")));
    if (!enterprises.length) return put(this.panel.body, empty(t("noActivity")));
    const unitOf = (firm) => [...this.model.units.values()].find((unit) => unit.tenant?.id === firm);
    const head = [t("tenant"), t("firmState"), t("firmSince"), t("firmShare"), t("trade"), t("firmUnit")];
    return put(this.panel.body,
      recovery?.production_share === undefined || recovery?.production_share === null ? null : h("p", { cls: "state" }, t("recovery", { share: percent(recovery.production_share), working: recovery.working_share === null ? "—" : percent(recovery.working_share) })),
      h("div", { cls: "scroll" }, h("table", { cls: "plain-table" }, h("thead", {}, h("tr", {}, head.map((text) => h("th", { scope: "col", cls: text === t("firmShare") ? "number" : "" }, text)))),
        h("tbody", {}, enterprises.map((firm) => {
          const unit = unitOf(firm.enterprise);
          return h("tr", { "aria-current": firm.enterprise === this.chosen() ? "true" : null },
            h("th", { scope: "row" }, h("button", { type: "button", cls: "name", onclick: () => this.choose(firm.enterprise) }, firm.name || `#${firm.enterprise}`)),
            h("td", {}, h("strong", { cls: `firm-state ${firm.state}` }, word("activity", firm.state))), h("td", {}, firm.since || "—"),
            h("td", { cls: "number" }, firm.ratio === null ? "—" : percent(firm.ratio)), h("td", {}, word("trade", firm.trade)),
            h("td", {}, unit ? h("a", { href: toUnit(this.model.park, unit.id) }, unit.name) : "—"));
        })))));
  }
}
