// Fires of the parks that are not on the page, and of no park that is known: told above every page, with the way there.

import { all, Problem } from "./api.js";
import { h, keyed, shape } from "./dom.js";
import { hourMinute } from "./format.js";
import { toPage } from "./route.js";
import { t } from "./texts.js";
import { word } from "./words.js";

export const LOOK = 5; // s between two looks: a fire has 15 s until people hear of it
const SHOWN = 5; // of them; beyond that a number says how many more

export class Elsewhere {
  /** `root` holds the lines, `announce` reads new ones out to those who do not see them. */
  constructor(root, announce) {
    Object.assign(this, { root, announce, asking: false, told: new Set() });
  }

  /** Ask what burns, and show what is not of the park on the page. One question at a time. */
  async look(parks, here) {
    this.here = here; // an answer that is under way is drawn for where one is when it comes
    if (parks.length < 2 || this.asking) return;
    this.asking = true;
    try {
      const burning = await all("/alarms", { life: true }, { by: "before" }); // those here must not crowd out another's
      this.draw(burning, new Map([...parks.map((park) => [park.id, park.name]), [0, t("unknownPark")]]));
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem; // the line in the header says that nobody answers
    } finally {
      this.asking = false;
    }
  }

  draw(alarms, names) {
    const fires = alarms.filter(({ park, active, latched }) => park !== this.here && names.has(park) && (active || latched));
    const text = (alarm) => t("elsewhere", { park: names.get(alarm.park), what: word("rule", alarm.rule), at: hourMinute(alarm.raised) });
    const there = ({ park }) => park || this.here; // a fire of no park is on the pages of each
    const lines = fires.slice(0, SHOWN).map((alarm) => ({ id: alarm.id, address: toPage(there(alarm), "alarm", alarm.id), text: text(alarm) }));
    if (fires.length > SHOWN) lines.push({ id: 0, address: toPage(there(fires[SHOWN]), "alarms"), text: t("elsewhereMore", { n: fires.length - SHOWN }) });
    keyed(this.root, lines, (line) => line.id, (line) => h("a", { cls: "elsewhere", href: line.address }, shape("critical"), line.text));
    const fresh = fires.filter(({ id }) => !this.told.has(id));
    if (fresh.length) this.announce.textContent = fresh.slice(0, SHOWN).map(text).join(" ");
    this.told = new Set(fires.map(({ id }) => id));
  }
}
