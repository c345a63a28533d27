// The page of a park: seven feeds, the plan, what stands, what was found, how the devices are.

import { askReset } from "./dialogs.js";
import { framed, h, keyed, put } from "./dom.js";
import { STATUSES } from "./model.js";
import { empty, Panel } from "./panel.js";
import { Plan } from "./plan.js";
import { route, setQuery } from "./route.js";
import { conditionRow, cut, deviceRow, findingRow, more, statusMark } from "./rows.js";
import { t } from "./texts.js";
import { Tiles } from "./tiles.js";
import { word } from "./words.js";

const MOST = { alarms: 6, findings: 12, devices: 8 };

export class ParkPage {
  constructor(model) {
    this.model = model;
    this.open = {};
    this.tiles = new Tiles(model);
    this.plan = new Plan(model);
    this.map = new Panel("map", t("map"));
    this.alarms = new Panel("alarms", t("alarms"));
    this.findings = new Panel("findings", t("findings"));
    this.health = new Panel("health", t("health"));
    this.root = h("div", { cls: "park-page" }, this.tiles.root,
      // What is wrong comes first for who goes by keys or listens, wherever it stands on the screen.
      h("div", { cls: "column aside" }, this.alarms.root, this.health.root), h("div", { cls: "column wide" }, this.map.root, this.findings.root));
    const draw = (run) => framed(() => this.root.isConnected && run());
    this.redraw = {
      tiles: draw(() => this.tiles.draw()), map: draw(() => this.drawMap()), alarms: draw(() => this.drawAlarms()),
      findings: draw(() => this.drawFindings()), health: draw(() => this.drawHealth()),
    };
    // which panels hang on which part of the model
    const hangs = {
      map: ["map", "alarms", "findings", "health"], conditions: ["map", "alarms"], devices: ["map", "health", "alarms"],
      findings: ["findings"], rules: ["alarms"], freshness: ["tiles"], trends: ["tiles"],
    };
    this.off = model.on((topic) => {
      for (const panel of hangs[topic] ?? []) this.redraw[panel]();
      if (topic === "latest" && !this.named && model.loaded.has("latest")) {
        this.named = true; // rows name quantities, which came with the newest values
        this.redraw.findings();
        this.redraw.alarms();
      }
    });
  }

  start() {
    for (const draw of Object.values(this.redraw)) draw();
  }

  close() {
    this.off();
    this.plan.close();
  }

  drawMap() {
    if (!this.map.ready(this.model, ["map"])) return;
    if (!this.plan.root.isConnected) put(this.map.body, this.plan.root);
    const units = [...this.model.units.values()];
    put(this.map.beside, h("span", { cls: "quiet" }, `${t("unitCount", { n: units.length })} · ${t("letCount", { n: units.filter((u) => u.tenant).length })}`),
      h("ul", { cls: "legend", "aria-label": t("legend") }, ["normal", "silent", "vacant"].map((name) =>
        h("li", {}, h("i", { cls: `swatch ${name}` }), t(`legend${name[0].toUpperCase()}${name.slice(1)}`)))));
    if (units.length) this.plan.redraw();
    else put(this.map.body, empty(t("noParks")));
  }

  drawAlarms() {
    if (!this.alarms.ready(this.model, ["map", "conditions"])) return;
    const chosen = route().query.get("severity");
    const standing = this.model.standing().filter((c) => !chosen || c.severity === chosen);
    const [shown, hidden] = cut(standing, MOST.alarms, this.open.alarms);
    put(this.alarms.beside, h("b", { cls: "total" }, String(standing.length)), chosen
      ? h("button", { type: "button", onclick: () => { setQuery({ severity: null }); this.model.tell("conditions"); this.model.tell("filter"); } }, t("clearFilter")) : null);
    const none = chosen ? t("noAlarmsOf", { severity: word("severity", chosen) }) : t("noAlarms");
    this.list(this.alarms, "alarms", shown, hidden, standing.length, (c) => c.id, (c) => conditionRow(this.model, c, (it) => askReset(this.model, it)), none);
  }

  drawFindings() {
    if (!this.findings.ready(this.model, ["map", "findings", "latest"])) return;
    const [shown, hidden] = cut(this.model.findings, MOST.findings, this.open.findings);
    this.list(this.findings, "findings", shown, hidden, this.model.findings.length, (f) => f.id, (f) => findingRow(this.model, f), t("noFindings"));
  }

  drawHealth() {
    if (!this.health.ready(this.model, ["map", "devices"])) return;
    const devices = [...this.model.devices.values()];
    const counts = new Map(STATUSES.map((status) => [status, devices.filter((d) => d.status === status).length]));
    put(this.health.beside, h("ul", { cls: "status-counts" }, STATUSES.filter((status) => counts.get(status)).map((status) =>
      h("li", {}, statusMark(status), " ", h("b", {}, String(counts.get(status)))))));
    const rank = (d) => STATUSES.indexOf(d.status);
    const troubled = devices.filter((d) => d.status !== "online").sort((a, b) => rank(a) - rank(b) || (b.since ?? 0) - (a.since ?? 0) || a.device - b.device);
    const [shown, hidden] = cut(troubled, MOST.devices, this.open.devices);
    this.list(this.health, "devices", shown, hidden, troubled.length, (d) => d.device, (d) => deviceRow(this.model, d), devices.length ? t("noTroubled") : t("noDevices"));
  }

  list(panel, name, shown, hidden, total, key, make, none) {
    if (!panel.rows) {
      panel.rows = h("ul", { cls: "rows" });
      panel.after = h("div");
    }
    if (!panel.rows.isConnected) put(panel.body, panel.rows, panel.after);
    keyed(panel.rows, shown, key, make, this.model.stamp());
    put(panel.after, total ? null : empty(none), more(hidden, this.open[name], MOST[name], total, () => {
      this.open[name] = !this.open[name];
      this.start();
    }));
  }
}
