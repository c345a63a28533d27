// The plan of a park, drawn from the registry's outlines in metres. Grey is normal.
//
// Wide screens show the whole park as it lies; narrow ones its buildings one below the other, each as wide as
// the screen, so that a finger finds a unit. North, or the upper floor, is up: the y of outlines points up.

import { framed, h, put, s, shape } from "./dom.js";
import { age, now } from "./format.js";
import { toUnit } from "./route.js";
import { metricText, shortName, valueText } from "./say.js";
import { lang, t } from "./texts.js";
import { word } from "./words.js";

const NARROW = 640; // px
const MARGIN = 4; // metres around
const NAMES = 20; // px above, for the names of the upper row
const CARD = ["power", "people_inside", "temperature", "smoke_obscuration", "machine"];
const KEYS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

function boundsOf(outlines) {
  const points = outlines.flat();
  if (!points.length) return null;
  const xs = points.map(([x]) => x), ys = points.map(([, y]) => y);
  return { left: Math.min(...xs), right: Math.max(...xs), bottom: Math.min(...ys), top: Math.max(...ys) };
}

const grown = (b, by) => ({ left: b.left - by, right: b.right + by, bottom: b.bottom - by, top: b.top + by });

/** Width of a text in ems, near enough to cut it: wide characters are one, others about half. */
const ems = (text) => [...text].reduce((sum, c) => sum + (c.codePointAt(0) > 0x2e7f ? 1 : 0.56), 0);

function fitted(text, room) {
  if (ems(text) <= room) return text;
  let out = "";
  for (const c of text) {
    if (ems(out + c) > room - 1) break;
    out += c;
  }
  return out ? `${out}…` : "";
}

export class Plan {
  constructor(model) {
    this.model = model;
    this.card = h("div", { cls: "card", hidden: true, role: "tooltip" });
    this.sheets = h("div", { cls: "sheets", role: "group", "aria-label": t("mapAbout") });
    this.root = h("div", { cls: "plan" }, this.sheets, this.card);
    this.current = 0; // the unit that Tab reaches
    this.links = new Map();
    this.draw = framed(() => this.redraw());
    this.observer = new ResizeObserver(() => {
      if (this.root.clientWidth !== this.width) this.draw();
    });
    this.observer.observe(this.root);
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.sheets.addEventListener("pointerleave", () => this.hide());
    this.root.addEventListener("focusout", () => this.hide());
  }

  close() {
    this.observer.disconnect();
  }

  redraw() {
    const { map } = this.model;
    this.width = this.root.clientWidth;
    if (!map || !this.width) return;
    const focused = [...this.links].find(([, link]) => link === document.activeElement)?.[0];
    this.links.clear();
    this.tally = this.model.tally();
    const drawn = map.buildings.map((b) => ({ ...b, outlines: [b.outline, ...b.units.map((u) => u.outline)].filter((o) => o.length) }));
    const shown = drawn.filter((b) => b.outlines.length);
    const sheets = this.width < NARROW
      ? shown.map((b) => h("div", {}, h("p", { cls: "sheet-name" }, this.nameOf(b)), this.sheet(grown(boundsOf(b.outlines), 1.5), [b], [])))
      : [this.sheet(this.parkBounds(shown), shown, map.outline)];
    put(this.sheets, sheets, this.unplaced(map));
    const first = this.links.get(this.current) ? this.current : this.links.keys().next().value;
    this.reach(first);
    if (focused) this.links.get(focused)?.focus();
  }

  parkBounds(buildings) {
    const bounds = boundsOf(buildings.flatMap((b) => b.outlines)) ?? boundsOf([this.model.map.outline]);
    return bounds ? grown(bounds, MARGIN) : { left: 0, right: 1, bottom: 0, top: 1 };
  }

  sheet(bounds, buildings, outline) {
    const scale = this.width / (bounds.right - bounds.left || 1);
    const above = outline.length ? NAMES : 0;
    const height = (bounds.top - bounds.bottom) * scale + above;
    const at = ([x, y]) => [(x - bounds.left) * scale, (bounds.top - y) * scale + above];
    const svg = s("svg", { width: this.width, height: Math.ceil(height), viewBox: `0 0 ${this.width} ${height}`, cls: "sheet" },
      s("defs", {}, s("pattern", { id: "hatch", width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
        s("line", { x1: 0, y1: 0, x2: 0, y2: 5, cls: "hatch-line" }))));
    if (outline.length) svg.append(s("path", { cls: "park-outline", d: pathOf(outline.map(at)) }));
    for (const building of buildings) svg.append(this.building(building, at));
    return svg;
  }

  building(b, at) {
    const state = this.tally.get(b.id);
    const own = state?.conditions.filter((c) => !this.model.unitOf(this.model.placeOf(c))) ?? [];
    const group = s("g", { cls: `building ${own.length ? own[0].severity : ""}` });
    for (const unit of b.units) if (unit.outline.length) group.append(this.unit(unit, at));
    const box = boundsOf(b.outlines.map((o) => o.map(at)));
    const outline = b.outline.length ? b.outline.map(at) : [[box.left, box.bottom], [box.right, box.bottom], [box.right, box.top], [box.left, box.top]];
    group.append(s("path", { cls: "walls", d: pathOf(outline) }));
    if (this.width >= NARROW) group.append(s("text", { cls: "building-name", x: box.left, y: box.bottom - 5 }, this.nameOf(b)));
    return group;
  }

  /** A building's name, with the worst of what stands in it but in none of its units. */
  nameOf(b) {
    const own = this.tally.get(b.id)?.conditions.find((c) => !this.model.unitOf(this.model.placeOf(c)));
    return own ? `${b.name} · ${word("severity", own.severity)} ${word("rule", own.rule)}` : b.name;
  }

  unit(unit, at) {
    const state = this.tally.get(unit.id);
    const points = unit.outline.map(at);
    const box = boundsOf([points]); // in px: y grows downward, so "bottom" is the upper edge
    const [x, y, w, height] = [box.left, box.bottom, box.right - box.left, box.top - box.bottom];
    const worst = state.conditions[0];
    const vacant = !unit.tenant;
    const cls = ["unit", worst?.severity, worst?.rule === "fire.confirmed" ? "fire" : "", vacant ? "vacant" : "", state.silent ? "some-silent" : ""];
    const size = Math.max(9.5, Math.min(13, height * 0.66));
    const link = s("a", {
      href: toUnit(this.model.park, unit.id), cls: cls.filter(Boolean).join(" "), tabindex: -1, "aria-label": this.spoken(unit, state),
      onpointerenter: () => this.show(unit, box), onfocus: () => { this.reach(unit.id); this.show(unit, box); },
    }, s("path", { cls: "floor", d: pathOf(points) }));
    if (state.silent) {
      const wide = Math.max(10, Math.min(w, (w * state.silent) / Math.max(1, state.devices)));
      link.append(s("rect", { cls: "hatch", x: x + w - wide, y, width: wide, height }));
    }
    let left = x + 5;
    if (worst) {
      const mark = shape(worst.severity);
      for (const [name, value] of Object.entries({ x: left, y: y + (height - size) / 2, width: size, height: size })) mark.setAttribute(name, value);
      link.append(mark);
      left += size + 4;
    }
    const code = unit.name.startsWith(this.model.buildings.get(this.model.units.get(unit.id).building).name)
      ? unit.name.slice(this.model.buildings.get(this.model.units.get(unit.id).building).name.length) || unit.name : unit.name;
    const said = worst ? word("rule", worst.rule) : vacant ? t("vacant") : shortName(unit.tenant.name);
    const room = (x + w - left - 4) / size;
    const tail = fitted(said, room - ems(code) - 0.6);
    const label = s("text", { x: left, y: y + height / 2 + size * 0.36, "font-size": size }, s("tspan", { cls: "code" }, fitted(code, room)));
    if (tail) label.append(s("tspan", { dx: size * 0.5, cls: "tenant" }, tail));
    link.append(label);
    this.links.set(unit.id, link);
    return link;
  }

  /** Units that have no outline are told all the same. */
  unplaced(map) {
    const units = map.buildings.flatMap((b) => b.units).filter((u) => !u.outline.length);
    if (!units.length) return null;
    return h("ul", { cls: "unplaced" }, units.map((u) => {
      const state = this.tally.get(u.id);
      const link = h("a", { href: toUnit(this.model.park, u.id), cls: `unit ${state.severity ?? ""}` },
        state.severity ? shape(state.severity) : null, u.name, " ", h("span", { cls: "tenant" }, u.tenant ? shortName(u.tenant.name) : t("vacant")));
      this.links.set(u.id, link);
      return h("li", {}, link);
    }));
  }

  spoken(unit, state) {
    const parts = [unit.name, unit.tenant?.name ?? t("vacant")];
    if (state.conditions.length) parts.push(`${word("severity", state.severity)}: ${state.conditions.map((c) => word("rule", c.rule)).join(", ")}`);
    else parts.push(t("legendNormal"));
    if (state.silent) parts.push(t("silentOf", { n: state.silent, total: state.devices }));
    return parts.join(lang() === "zh" ? "，" : ", ");
  }

  /** Make one unit the one that Tab reaches. */
  reach(unit) {
    this.links.get(this.current)?.setAttribute("tabindex", "-1");
    this.current = unit;
    this.links.get(unit)?.setAttribute("tabindex", "0");
  }

  key(event) {
    if (event.key === "Escape") this.hide();
    const way = KEYS[event.key];
    const from = this.links.get(this.current);
    if (!way || !from || document.activeElement !== from) return;
    const centre = (element) => {
      const r = element.getBoundingClientRect();
      return [r.left + r.width / 2, r.top + r.height / 2];
    };
    const [x, y] = centre(from);
    let best = null, least = Infinity;
    for (const link of this.links.values()) {
      if (link === from) continue;
      const [u, v] = centre(link);
      const along = (u - x) * way[0] + (v - y) * way[1];
      const aside = Math.abs((u - x) * way[1]) + Math.abs((v - y) * way[0]);
      const cost = along + 2 * aside;
      if (along > 1 && cost < least) [best, least] = [link, cost];
    }
    if (best) best.focus();
    event.preventDefault();
  }

  show(unit, box) {
    this.shown = { unit, box };
    const state = this.tally.get(unit.id);
    const values = CARD.map((name) => this.newest(unit.id, name)).filter(Boolean);
    put(this.card,
      h("p", { cls: "card-title" }, unit.name, h("span", {}, unit.tenant?.name ?? t("vacant"))),
      h("p", { cls: "card-facts" }, [unit.tenant ? word("trade", unit.tenant.trade) : null, `${Math.round(unit.area)} m²`, t("floor", { n: unit.floor }),
        state.silent ? t("silentOf", { n: state.silent, total: state.devices }) : `${state.devices} ${t("devices")}`].filter(Boolean).join(" · ")),
      values.length ? h("dl", {}, values.map(([name, text, seen]) => h("div", {}, h("dt", {}, name), h("dd", {}, text), h("dd", { cls: "age", data: { age: seen } }, age(now() - seen))))) : null,
      state.conditions.slice(0, 4).map((c) => h("p", { cls: `card-alarm ${c.severity}` }, shape(c.severity), word("severity", c.severity), " ", word("rule", c.rule))));
    this.card.hidden = false;
    const sheet = this.links.get(unit.id).getBoundingClientRect(), root = this.root.getBoundingClientRect();
    const x = Math.max(0, Math.min(sheet.left - root.left, root.width - this.card.offsetWidth - 4));
    const below = sheet.bottom - root.top + 6;
    const fits = sheet.bottom + this.card.offsetHeight + 12 < innerHeight;
    this.card.style.transform = `translate(${x}px, ${fits ? below : sheet.top - root.top - this.card.offsetHeight - 6}px)`;
  }

  hide() {
    this.card.hidden = true;
    this.shown = null;
  }

  /** The newest value of a metric in a unit; people and machines are added up. */
  newest(unit, name) {
    const metric = this.model.metrics.get(name);
    if (!metric) return null;
    const rows = this.byUnit().get(unit)?.filter((r) => r.metric === name) ?? [];
    if (!rows.length) return null;
    const worst = name === "smoke_obscuration" ? Math.max(...rows.map((r) => r.value)) : rows[0].value;
    const value = name === "people_inside" || name === "power" ? rows.reduce((sum, r) => sum + r.value, 0) : worst;
    return [metricText(metric), valueText(metric, value), Math.min(...rows.map((r) => r.received))];
  }

  byUnit() {
    if (this.grouped?.of !== this.model.latest) {
      const units = new Map();
      for (const row of this.model.latest.values()) {
        const unit = this.model.unitOf(row.place);
        if (unit) units.set(unit, [...(units.get(unit) ?? []), row]);
      }
      this.grouped = { units, of: this.model.latest };
    }
    return this.grouped.units;
  }
}

const pathOf = (points) => `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}Z`;
