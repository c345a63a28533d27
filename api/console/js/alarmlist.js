// Alarms that answer a filter, asked for page by page and kept up by the live stream.
//
//   life safety (all of it) + the rest, page by page  ──>  one list: life first, then the worst, then the newest
//   stream says "alarm 12 changed"  ──> asked for anew, alone; many at once ──> the list is asked for anew

import { all, get, Problem } from "./api.js";
import { Asked } from "./asked.js";
import { SEVERITIES } from "./model.js";

export const VIEWS = ["open", "unacknowledged", "mine", "nobody", "held", "closed"];
const UNSEEN = ["unacknowledged", "latched_unacknowledged", "returned"];
const FIRST = 200, PAGE = 1_000; // rows
const GATHER = 120; // ms in which changes are gathered
const ALONE = 25; // changes at once that are asked for one by one
const COUNTS = 1_000; // ms between two looks at the counts at least

const rankOf = (alarm) => SEVERITIES.indexOf(alarm.severity);
const fireFirst = (alarm) => (alarm.rule === "fire.confirmed" ? 0 : alarm.life && alarm.active ? 1 : 2);

/** Life safety first, in it confirmed fire; then the worst, then the newest. */
export const inOrder = (a, b) =>
  Number(b.life) - Number(a.life) || (a.life ? fireFirst(a) - fireFirst(b) : 0) || rankOf(a) - rankOf(b) || b.raised - a.raised || b.id - a.id;

export class AlarmList {
  constructor(model, told) {
    this.model = model;
    this.told = told;
    this.alarms = new Map();
    this.counts = null;
    this.next = "";
    this.changed = new Set();
    this.asked = new Asked({ alarms: () => this.first(), counts: () => this.count() }, (part) => told(part));
  }

  /** Take the filter {view, severity, place, life} and ask. */
  filter(wanted) {
    this.wanted = wanted;
    this.alarms = new Map();
    this.next = "";
    this.asked.loaded.delete("alarms");
    this.asked.load("alarms");
    this.asked.load("counts");
  }

  close() {
    this.asked.close();
    clearTimeout(this.timer);
    clearTimeout(this.countTimer);
  }

  items() {
    const items = [...this.alarms.values()];
    return items.sort(this.wanted.view === "closed" ? (a, b) => b.closed - a.closed || b.id - a.id : inOrder);
  }

  query() {
    const { view, severity, place } = this.wanted;
    return {
      park: this.model.park, severity, place: place || undefined, open: view === "closed" ? false : true,
      state: view === "unacknowledged" ? UNSEEN : undefined, owner: view === "mine" ? this.model.session.name : undefined,
      held_back: view === "held" ? true : undefined,
    };
  }

  async first() {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const { life, place, view } = this.wanted;
    const query = this.query();
    const [living, strangers, rest] = await Promise.all([
      all("/alarms", { ...query, life: true }, { by: "before" }),
      // A fire of no known park may be anybody's: it is shown in each.
      place || query.open === false ? [] : all("/alarms", { ...query, park: undefined, life: true }, { by: "before" }).then((found) => found.filter((a) => !a.park)),
      life ? { items: [], next: null } : this.rest(query, view),
    ]);
    if (turn !== this.turn) return;
    this.alarms = new Map([...living, ...strangers, ...rest.items].filter((a) => this.shows(a)).map((a) => [a.id, a]));
    this.next = rest.next;
  }

  /** Who answered is not asked of the server: for those whom nobody answered, all are looked through. */
  async rest(query, view) {
    if (view === "nobody") return { items: await all("/alarms", { ...query, life: false }, { by: "before" }), next: null };
    return get("/alarms", { ...query, life: false, limit: FIRST });
  }

  /** Ask for the page after those that are here. */
  async more() {
    if (!this.next || this.waiting) return;
    const { turn } = this;
    this.waiting = true;
    try {
      const page = await get("/alarms", { ...this.query(), life: false, limit: PAGE, before: this.next });
      if (turn !== this.turn) return;
      for (const alarm of page.items) if (this.shows(alarm) && !this.newer(alarm)) this.alarms.set(alarm.id, alarm);
      this.next = page.next;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.asked.problems.set("alarms", problem);
    } finally {
      this.waiting = false;
    }
    if (!this.asked.closed) this.told("alarms");
  }

  newer(alarm) {
    return (this.alarms.get(alarm.id)?.version ?? 0) > alarm.version;
  }

  async count() {
    this.counts = await get("/alarms/counts", { park: this.model.park });
  }

  /** Whether an alarm answers the filter, as far as it alone can tell. */
  shows(alarm) {
    const { view, severity, life } = this.wanted;
    const seen = {
      open: alarm.closed === null, unacknowledged: alarm.closed === null && !alarm.acknowledged,
      mine: alarm.closed === null && alarm.owner === this.model.session.name, nobody: alarm.closed === null && ["nobody", "unreached"].includes(alarm.answer),
      held: alarm.closed === null && alarm.held_back.length > 0, closed: alarm.closed !== null,
    }[view];
    return seen && (!severity || alarm.severity === severity) && (!life || alarm.life);
  }

  /** An alarm as somebody just saw it: an answer to an act, or to a question. */
  put(alarm) {
    if (this.newer(alarm)) return;
    if (this.shows(alarm) && (!this.wanted.place || this.alarms.has(alarm.id))) this.alarms.set(alarm.id, alarm);
    else this.alarms.delete(alarm.id);
    this.told("alarms");
    this.countSoon();
  }

  /** The stream says that an alarm changed. */
  take(id) {
    this.changed.add(id);
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.renew();
    }, GATHER);
  }

  async renew() {
    const ids = [...this.changed];
    this.changed.clear();
    this.countSoon();
    // Whether a place lies within another, the server knows.
    if (ids.length > ALONE || this.wanted.place || !this.asked.loaded.has("alarms")) return this.asked.load("alarms");
    await Promise.all(ids.map(async (id) => {
      try {
        const alarm = await get(`/alarms/${id}`);
        if (!this.asked.closed && (alarm.park === this.model.park || !alarm.park)) this.put(alarm);
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        if (problem.status !== 404 && !this.asked.closed) this.asked.load("alarms"); // it says what is wrong, or mends it
      }
    }));
    return undefined;
  }

  countSoon() {
    this.countTimer ??= setTimeout(() => {
      this.countTimer = null;
      if (!this.asked.closed) this.asked.load("counts");
    }, COUNTS);
  }
}
