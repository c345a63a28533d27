// The page of a unit: who uses it, what its points say now, how that went, its devices, its alarms.

import { ActivityPanel } from "./activity.js";
import { all, get, Problem } from "./api.js";
import { Chart } from "./chart.js";
import { askReset } from "./dialogs.js";
import { framed, h, keyed, put } from "./dom.js";
import { FindingsPanel } from "./findings.js";
import { age, amount, now, number, yearText } from "./format.js";
import { conditionId, STATUSES, worstFirst } from "./model.js";
import { empty, Panel, why } from "./panel.js";
import { route, setQuery, toPark } from "./route.js";
import { conditionRow, deviceRow } from "./rows.js";
import { deviceText, pointText, valueText } from "./say.js";
import { ABOUT_DEVICES, firstOf, groupsOf, RANGES, REFRESH, specOf } from "./series.js";
import { t } from "./texts.js";
import { word } from "./words.js";

const FEEDS = ["energy", "water", "people", "vehicles", "environment", "fire", "production"];
const MISSED = 3, GRACE = 30_000; // as the platform judges freshness
const ENDED = 20;

export class UnitPage {
  constructor(model, unit) {
    this.model = model;
    this.unit = unit;
    this.points = null;
    this.history = [];
    this.charts = new Map();
    this.cells = new Map(); // by point; a chart may be drawn before them
    this.about = h("section", { cls: "about-unit" });
    this.values = new Panel("values", t("current"));
    this.curves = new Panel("curves", t("charts"));
    this.devices = new Panel("unit-devices", t("devices"));
    this.alarms = new Panel("unit-alarms", t("conditionsOfUnit"));
    this.activity = new ActivityPanel();
    this.findings = new FindingsPanel(model, unit, () => this.points && this.drawCharts());
    this.root = h("div", { cls: "unit-page" }, this.about, this.alarms.root, this.findings.root, this.activity.root, this.curves.root, this.values.root, this.devices.root);
    const draw = (run) => framed(() => this.root.isConnected && run());
    this.redraw = { about: draw(() => this.drawAbout()), alarms: draw(() => this.drawAlarms()), devices: draw(() => this.drawDevices()) };
    this.off = model.on((topic, what) => {
      if (topic === "latest" && what) this.takeLatest(what);
      if (["map", "conditions", "devices", "rules"].includes(topic)) for (const one of Object.values(this.redraw)) one();
      if (topic === "changed") this.takeChange(what);
      if (topic === "findings") this.soon();
      if (topic === "refetched") this.load();
    });
    this.themed = () => this.charts.forEach((chart) => chart.draw());
    document.addEventListener("themechange", this.themed);
  }

  start() {
    for (const draw of Object.values(this.redraw)) draw();
    this.ready(this.values);
    this.ready(this.curves);
    this.load();
    this.again();
  }

  close() {
    this.off();
    this.closed = true;
    this.activity.close();
    this.findings.close();
    clearTimeout(this.later);
    clearTimeout(this.timer);
    document.removeEventListener("themechange", this.themed);
    this.charts.forEach((chart) => chart.close());
  }

  get range() {
    const asked = route().query.get("range");
    return asked in RANGES ? asked : "24h";
  }

  async load() {
    try {
      const [points, place, leases, page] = await Promise.all([
        all("/points", { unit: this.unit, latest: true }), get(`/units/${this.unit}`), all("/leases", { place: this.unit }),
        get("/conditions", { park: this.model.park, limit: 1000 }), this.model.settled, // names of devices, limits, findings
      ]);
      Object.assign(this, { points, place, leases, problem: null });
      // The stream tells of a change before it is stored: what was heard is newer than what was answered.
      const newest = (c) => ((this.model.heard.condition.get(c.id)?.at ?? 0) >= c.at ? { ...c, ...this.model.heard.condition.get(c.id) } : c);
      this.history = page.items.map(newest).filter((c) => this.model.unitOf(this.model.placeOf(c)) === this.unit);
      const tenant = this.model.units.get(this.unit)?.tenant;
      this.firm = tenant ? await get(`/enterprises/${tenant.id}`) : null;
      this.activity.show(tenant?.id ?? 0);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.problem = problem;
    }
    if (this.closed) return;
    for (const draw of Object.values(this.redraw)) draw();
    this.drawValues();
    this.drawCharts();
    this.findings.load();
  }

  /** True where the unit's own calls have answered; else the panel says why not. */
  ready(panel) {
    if (this.points) return true;
    put(panel.body, this.problem
      ? h("p", { cls: "state error", role: "alert" }, this.problem.status === 403 ? t("forbiddenState", { why: why(this.problem) }) : t("errorState", { why: why(this.problem) }), " ",
          h("button", { type: "button", onclick: () => this.load() }, t("retry")))
      : h("div", { cls: "skeleton", role: "status", "aria-label": t("loading") }));
    return false;
  }

  drawAbout() {
    const unit = this.model.units.get(this.unit);
    if (!unit) return put(this.about, this.model.loaded.has("map") ? empty(t("missing")) : null, h("a", { href: toPark(this.model.park) }, t("back")));
    const lease = this.leases?.find((l) => l.enterprise === unit.tenant?.id && (!l.valid_to || l.valid_to > now()));
    const facts = [
      [t("trade"), unit.tenant ? word("trade", unit.tenant.trade) : null], [t("headcount"), this.firm?.headcount ? number(this.firm.headcount) : null],
      [t("area"), unit.area ? amount(unit.area, "m²") : null], [t("building"), `${this.model.buildings.get(unit.building).name} · ${t("floor", { n: unit.floor })}`],
      [t("leasedSince"), lease ? yearText(lease.valid_from) : null],
      [t("agreedOutput"), lease?.agreed_output ? t("perYear", { n: number(lease.agreed_output) }) : null],
      [t("contractedDemand"), this.place?.contracted_demand ? amount(this.place.contracted_demand, "kW") : null],
      [t("fireClass"), this.place?.fire_class], [t("permittedUse"), this.place?.permitted_use],
    ].filter(([, value]) => value);
    return put(this.about, h("a", { cls: "up", href: toPark(this.model.park) }, `← ${t("back")}`),
      h("h2", {}, unit.name, h("span", { cls: "tenant" }, unit.tenant?.name ?? t("vacant"))),
      h("dl", { cls: "facts-list" }, facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))));
  }

  drawAlarms() {
    if (!this.ready(this.alarms)) return;
    const mine = (c) => this.model.unitOf(this.model.placeOf(c)) === this.unit;
    const standing = this.model.standing().filter(mine);
    const live = new Set(standing.map((c) => c.id));
    const ended = this.history.filter((c) => c.state === "cleared" && !live.has(c.id)).sort((a, b) => b.since - a.since).slice(0, ENDED);
    const items = [...standing.sort(worstFirst), ...ended];
    this.alarms.root.classList.toggle("quiet-panel", !items.length);
    this.list(this.alarms, items, (c) => c.id, (c) => conditionRow(this.model, c, (it) => askReset(this.model, it)), t("noConditionsOfUnit"));
  }

  drawDevices() {
    if (!this.ready(this.devices)) return;
    const rank = (d) => STATUSES.indexOf(d.status);
    const items = [...this.model.devices.values()].filter((d) => this.model.unitOf(d.place) === this.unit).sort((a, b) => rank(a) - rank(b) || a.device - b.device);
    this.list(this.devices, items, (d) => d.device, (d) => deviceRow(this.model, d, { here: true }), t("noDevices"));
  }

  list(panel, items, key, make, none) {
    if (!panel.rows) panel.rows = h("ul", { cls: "rows" });
    if (!items.length) return put(panel.body, empty(none));
    if (!panel.rows.isConnected) put(panel.body, panel.rows);
    return keyed(panel.rows, items, key, make, this.model.stamp());
  }

  // ── newest values ──────────────────────────────────────────────────────────────────────────────

  drawValues() {
    if (!this.ready(this.values)) return;
    this.cells = new Map();
    const groups = new Map([...FEEDS, "devices"].map((name) => [name, []]));
    for (const point of this.points) groups.get(ABOUT_DEVICES.has(point.metric) ? "devices" : point.feed).push(point);
    const head = h("thead", {}, h("tr", {}, [t("metric"), t("value"), t("ageHead"), t("quality"), t("chart")].map((text) => h("th", { scope: "col" }, text))));
    const bodies = [...groups].filter(([, points]) => points.length).map(([feed, points]) => h("tbody", {},
      h("tr", { cls: "feed-row" }, h("th", { colspan: 5, scope: "rowgroup" }, feed === "devices" ? t("devices") : word("feed", feed))),
      points.map((point) => this.valueRow(point))));
    put(this.values.body, h("div", { cls: "scroll" }, h("table", { cls: "values-table" }, head, bodies)));
  }

  valueRow(point) {
    const device = this.model.devices.get(point.device);
    const value = h("td", { cls: "number" }), seen = h("td", { cls: "age-cell" }), quality = h("td", { cls: "quality" });
    const group = this.groups().find((g) => g.points.some((p) => p.id === point.id)).id;
    const box = h("input", { type: "checkbox", "aria-label": t("addChart", { name: pointText(point) }), onchange: () => this.toggle(group, box.checked) });
    const row = h("tr", {}, h("th", { scope: "row" }, pointText(point), device ? h("span", { cls: "quiet" }, deviceText(this.model, device)) : null), value, seen, quality, h("td", { cls: "pick" }, box));
    this.cells.set(point.id, { point, row, value, seen, quality, box, group });
    this.drawValue(point.id);
    return row;
  }

  drawValue(id) {
    const { point, row, value, seen, quality } = this.cells.get(id);
    const { latest } = point;
    row.classList.toggle("unknown", !latest);
    if (!latest) return put(value, "—");
    row.dataset.stale = String(latest.received + MISSED * point.interval + GRACE);
    const alarm = point.states.length && latest.value > 0 && point.feed === "fire" && (point.states[latest.value] === "alarm");
    row.classList.toggle("alarm", Boolean(alarm));
    row.classList.toggle("doubtful", latest.quality !== "good");
    put(value, valueText(point, latest.value));
    put(seen, h("span", { cls: "age", data: { age: latest.received } }, age(now() - latest.received)));
    return put(quality, word("quality", latest.quality));
  }

  takeLatest(items) {
    for (const { point, ts, value, quality, received } of items) {
      const cell = this.cells.get(point);
      if (!cell) continue;
      cell.point.latest = { ts, value, quality, received };
      this.drawValue(point);
    }
  }

  takeChange(change) {
    if (this.model.unitOf(this.model.placeOf(change)) !== this.unit) return;
    this.history = [change, ...this.history.filter((c) => (c.id ?? conditionId(c)) !== change.id)];
    this.redraw.alarms();
    this.drawCharts();
  }

  // ── charts ─────────────────────────────────────────────────────────────────────────────────────

  groups() {
    this.grouped ??= { of: null };
    if (this.grouped.of !== this.points) this.grouped = { of: this.points, groups: groupsOf(this.points) };
    return this.grouped.groups;
  }

  chosen() {
    const asked = route().query.get("points");
    const known = new Set(this.groups().map((g) => g.id));
    return asked === null ? firstOf(this.groups()) : asked.split(",").map(Number).filter((id) => known.has(id)).slice(0, 24);
  }

  toggle(group, on) {
    const ids = this.chosen().filter((id) => id !== group);
    if (on) ids.push(group);
    setQuery({ points: ids.join(",") || "0" });
    this.drawCharts();
  }

  async drawCharts() {
    if (!this.ready(this.curves)) return;
    this.curves.root.setAttribute("aria-busy", "true");
    const range = this.range;
    put(this.curves.beside, h("div", { cls: "ranges", role: "group", "aria-label": t("range") }, Object.keys(RANGES).map((name) =>
      h("button", { type: "button", "aria-pressed": String(name === range), onclick: () => {
        setQuery({ range: name });
        this.drawCharts();
        this.again();
      } }, t(`range${name}`)))));
    const ids = this.chosen();
    for (const cell of this.cells.values()) cell.box.checked = ids.includes(cell.group);
    if (!this.stack) this.stack = h("div", { cls: "charts" });
    if (!this.stack.isConnected) put(this.curves.body, this.stack);
    if (!ids.length) put(this.stack, empty(t("noCharts")));
    for (const [id, chart] of this.charts) {
      if (ids.includes(id)) continue;
      chart.close();
      chart.root.remove();
      this.charts.delete(id);
    }
    const turn = (this.turn = (this.turn ?? 0) + 1);
    await Promise.all(ids.map((id) => this.drawChart(id, range, turn)));
    if (turn !== this.turn || this.closed) return;
    ids.map((id) => this.charts.get(id)?.root).filter(Boolean).forEach((element, i) => {
      if (this.stack.children[i] !== element) this.stack.insertBefore(element, this.stack.children[i] ?? null);
    });
    while (ids.length && this.stack.children.length > this.charts.size) this.stack.lastChild.remove();
    this.curves.root.setAttribute("aria-busy", "false");
    this.curves.root.dataset.range = range;
  }

  async drawChart(id, range, turn) {
    const group = this.groups().find((g) => g.id === id);
    try {
      const spec = await specOf(this.model, group, range, this.history, this.model.devices.get(group.points[0].device), this.findings.items);
      if (turn !== this.turn || this.closed) return;
      spec.close = () => this.toggle(id, false);
      if (this.charts.has(id)) this.charts.get(id).set(spec);
      else {
        const chart = new Chart(spec);
        this.charts.set(id, chart);
        this.stack.append(chart.root);
        chart.draw();
      }
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.curves.note.hidden = false;
      this.curves.note.textContent = t("errorState", { why: why(problem) });
      return;
    }
    this.curves.note.hidden = true;
  }

  /** Ask for episodes soon after findings came: several come together. */
  soon() {
    clearTimeout(this.later);
    this.later = setTimeout(() => !this.closed && this.points && this.findings.load(), 1_000);
  }

  /** Ask anew as often as the range moves; not while nobody looks, nor while the line is lost. */
  again() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.redraw.devices();
      if (!document.hidden && this.points && !document.body.classList.contains("lost")) this.drawCharts();
      this.again();
    }, REFRESH[this.range]);
  }
}
