// One park as the page knows it: asked for once, then kept up by the live stream.
//
//   stream open ──> events are kept ──┐
//   calls answered ───────────────────┴──> merged, the newer wins ──> panels are told by topic

import { all, get, Problem } from "./api.js";
import { now, setNow, setZone } from "./format.js";

export const SEVERITIES = ["critical", "high", "medium", "low"];
export const STATUSES = ["gateway_down", "silent", "stuck", "flapping", "wrong_clock", "low_battery", "never_seen", "online"];
export const MUTE = new Set(["silent", "gateway_down"]);
export const LIFE_KINDS = ["smoke_detector", "heat_detector", "gas_detector", "co_detector", "call_point", "flame_detector", "fire_panel", "multi_detector"];
const VIRTUAL = "zone_counter"; // made by us out of doors; it sends nothing, so it has no health
const REMEMBERED = 2_000;
const FINDINGS = 200;

export const conditionId = (c) => `${c.family}/${c.subject}/${c.since}`;
const rankOf = (severity) => (SEVERITIES.includes(severity) ? SEVERITIES.indexOf(severity) : SEVERITIES.length);

/** Confirmed fire first, then by severity, then the newest. */
export function worstFirst(a, b) {
  const fire = (c) => (c.rule === "fire.confirmed" ? 0 : c.family === "fire" || c.family === "gas" ? 1 : 2);
  return rankOf(a.severity) - rankOf(b.severity) || fire(a) - fire(b) || b.since - a.since || (a.id < b.id ? -1 : 1);
}

export class Model {
  constructor(park, session) {
    this.park = park;
    this.session = session;
    this.map = null;
    this.parents = new Map(); // zone -> unit
    this.units = new Map();
    this.buildings = new Map();
    this.devices = new Map();
    this.metrics = new Map();
    this.latest = new Map(); // point -> newest reading, with metric and place
    this.conditions = new Map(); // standing ones, by id
    this.findings = [];
    this.freshness = null;
    this.trends = null;
    this.limits = [];
    this.rules = new Map();
    this.runbooks = new Map(); // of what no rule of the table makes
    this.measures = new Map();
    this.problems = new Map();
    this.loaded = new Map(); // part -> when
    this.heard = { condition: new Map(), device: new Map() };
    this.listeners = new Set();
  }

  on(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  tell(topic, what) {
    for (const listener of this.listeners) listener(topic, what);
  }

  may(permission) {
    return this.session.permissions.includes(permission);
  }

  /** Ask for a part; what went wrong is kept beside it, and what was known stays. */
  async load(part) {
    try {
      await PARTS[part](this, `/parks/${this.park}`);
      this.problems.delete(part);
      this.loaded.set(part, now());
    } catch (why) {
      if (!(why instanceof Problem)) throw why;
      this.problems.set(part, why);
    }
    this.tell(part);
  }

  /** Ask anew for what failed; not for what this key may not see. */
  again() {
    for (const [part, problem] of this.problems) if (problem.status !== 403) this.load(part);
  }

  /** Ask for everything; the map first, because all else hangs on it. */
  loadAll() {
    const rest = Object.keys(PARTS).filter((part) => part !== "map" && part !== "trends");
    this.settled = this.load("map").then(() => Promise.all(rest.map((part) => this.load(part))));
    this.load("trends"); // may take a while, and nothing waits for it
    return this.settled;
  }

  /** Names what rows are made of beside their own facts: names of places, devices and quantities. */
  stamp() {
    return `${document.documentElement.lang} ${["map", "devices", "latest", "rules"].map((part) => (this.loaded.has(part) ? 1 : 0)).join("")}`;
  }

  // ── what the stream says ───────────────────────────────────────────────────────────────────────

  take(name, event) {
    if (name === "condition") this.takeCondition(event);
    else if (name === "finding") this.takeFinding(event);
    else if (name === "device") this.takeDevice(event);
    else if (name === "latest") this.takeLatest(event);
    else if (name === "freshness") this.load("freshness");
    else if (name === "alarm") this.tell("alarm", event.case?.id ?? event.id);
  }

  takeCondition(change) {
    const id = conditionId(change);
    remember(this.heard.condition, id, change);
    const before = this.conditions.get(id);
    if (before && before.at > change.at) return;
    this.mergeCondition({ ...change, id });
    this.tell("conditions");
    const began = change.state !== "cleared" && (!before || rankOf(change.severity) < rankOf(before.severity));
    if (began || change.state === "cleared") this.tell("changed", { ...change, id });
  }

  mergeCondition(condition) {
    if (condition.state === "cleared") this.conditions.delete(condition.id);
    else this.conditions.set(condition.id, condition);
  }

  takeFinding(finding) {
    if (this.findings.some((f) => f.id === finding.id)) return;
    this.findings = [finding, ...this.findings].sort((a, b) => b.ts - a.ts).slice(0, FINDINGS);
    this.tell("findings");
  }

  takeDevice(status) {
    remember(this.heard.device, status.device, status);
    this.mergeDevice(status);
    this.tell("devices");
  }

  mergeDevice(status) {
    const device = this.devices.get(status.device);
    if (!device || (device.since ?? 0) > status.at) return;
    this.devices.set(status.device, { ...device, status: status.status, reason: status.reason, since: status.at, last_seen: status.last_seen || device.last_seen });
  }

  takeLatest(event) {
    setNow(event.at);
    for (const reading of event.items) {
      const known = this.latest.get(reading.point);
      if (!known) continue;
      Object.assign(known, reading, { state: null });
      const device = this.devices.get(known.device);
      if (device && (device.last_seen ?? 0) < reading.received) device.last_seen = reading.received;
      const feed = known && this.freshness?.feeds.find((f) => f.feed === this.metrics.get(known.metric)?.feed);
      if (feed && (feed.received ?? 0) < reading.received) feed.received = reading.received;
    }
    this.tell("latest", event.items);
  }

  // ── what hangs together ────────────────────────────────────────────────────────────────────────

  unitOf(place) {
    return this.units.has(place) ? place : (this.parents.get(place) ?? 0);
  }

  placeOf(condition) {
    return condition.place || this.devices.get(condition.device)?.place || 0;
  }

  /** What colours each unit and building. */
  tally() {
    const fresh = () => ({ conditions: [], devices: 0, silent: 0, severity: null });
    const places = new Map([...this.units.keys(), ...this.buildings.keys()].map((place) => [place, fresh()]));
    const above = (place) => {
      const unit = this.unitOf(place);
      const building = unit ? this.units.get(unit).building : place;
      return [places.get(unit), places.get(building)].filter(Boolean);
    };
    for (const condition of [...this.conditions.values()].sort(worstFirst)) {
      for (const at of above(this.placeOf(condition))) {
        at.conditions.push(condition);
        at.severity ??= condition.severity;
      }
    }
    for (const device of this.devices.values()) {
      for (const at of above(device.place)) {
        at.devices += 1;
        at.silent += MUTE.has(device.status);
      }
    }
    return places;
  }

  /** Fire devices in test or maintenance: their alarms call nobody, and everybody should know. */
  apart() {
    return [...this.devices.values()].filter((d) => d.mode !== "normal" && LIFE_KINDS.includes(d.kind));
  }

  /** The rule that a condition or an alarm names, with what it rests on and what to do. */
  ruleOf(name) {
    return this.rules.get(name) ?? this.rules.get(name.replace(/^limit\./u, ""));
  }

  /** What to do about what no rule says it of. */
  runbookOf(name) {
    return this.runbooks.get(name) ?? this.runbooks.get(name.split(".")[0]);
  }

  standing() {
    return [...this.conditions.values()].sort(worstFirst);
  }
}

function remember(kept, key, value) {
  kept.delete(key);
  kept.set(key, value);
  if (kept.size > REMEMBERED) kept.delete(kept.keys().next().value);
}

const PARTS = {
  async map(model, path) {
    const map = await get(`${path}/map`);
    setNow(map.at);
    setZone(map.timezone);
    const zones = await all("/zones", { park: model.park });
    model.map = map;
    model.units = new Map(map.buildings.flatMap((b) => b.units.map((u) => [u.id, { ...u, building: b.id }])));
    model.buildings = new Map(map.buildings.map((b) => [b.id, b]));
    model.parents = new Map(zones.filter((z) => model.units.has(z.parent)).map((z) => [z.id, z.parent]));
  },
  async conditions(model) {
    const ask = (query) => get("/conditions", { standing: true, limit: 1000, ...query });
    const page = await ask({ park: model.park });
    // Fire from a device that nobody has claimed belongs to no park yet; those who see all parks see it here.
    const loose = model.session.parks === null ? (await ask({})).items.filter((c) => !c.park) : [];
    model.conditions = new Map([...page.items, ...loose].map((c) => [c.id, c]));
    for (const [id, change] of model.heard.condition) {
      const known = model.conditions.get(id);
      if (!known || known.at <= change.at) model.mergeCondition({ ...change, id });
    }
  },
  async devices(model, path) {
    const health = await get(`${path}/health`, { limit: 5000 });
    model.devices = new Map(health.items.filter((d) => d.kind !== VIRTUAL).map((d) => [d.device, d]));
    for (const status of model.heard.device.values()) model.mergeDevice(status);
  },
  async findings(model) {
    const found = (await get("/findings", { park: model.park, limit: FINDINGS })).items;
    const mine = new Set(found.map((f) => f.id));
    model.findings = [...found, ...model.findings.filter((f) => !mine.has(f.id))].sort((a, b) => b.ts - a.ts).slice(0, FINDINGS);
  },
  async latest(model, path) {
    model.metrics = new Map((await get("/catalogue")).map((m) => [m.name, m]));
    const latest = await get(`${path}/latest`);
    setNow(latest.at);
    model.latest = new Map(latest.items.map((row) => [row.point, row]));
  },
  async freshness(model, path) {
    model.freshness = await get(`${path}/freshness`);
    setNow(model.freshness.at);
  },
  async trends(model, path) {
    model.trends = await get(`${path}/trends`, { hours: 48 });
  },
  async rules(model) {
    const { rules, runbooks, measures } = await get("/rules");
    model.rules = new Map(rules.map((rule) => [rule.rule, rule]));
    model.runbooks = new Map(runbooks.map((one) => [one.rule, one]));
    model.measures = new Map(measures.map((one) => [one.name, one]));
  },
  async limits(model) {
    model.limits = await get("/limits");
  },
};
