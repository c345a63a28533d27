// The pages of a park in groups, as a newcomer looks for them. The header draws them; what a key may not see is not there.

import { route } from "./route.js";

// name in the address, its text, what a key needs to see it
const page = (name, text, need = "read") => ({ name, text, need });

export const SECTIONS = [
  { text: "navPark", pages: [page("park", "navPark")] },
  { text: "navAlarms", pages: [page("alarms", "navAlarmList"), page("hidden", "navHidden"), page("findings", "navFindings"), page("figures", "navFigures")] },
  { text: "navDuty", pages: [page("duty", "navRotas", "alarm"), page("chains", "navChains", "alarm"), page("delivery", "navDelivery", "alarm")] },
  { text: "navSafety", pages: [page("rounds", "navRounds"), page("hazards", "navHazards"), page("drills", "navDrills")] },
  { text: "navFirms", pages: [page("firms", "navFirms")] },
  { text: "navPlatform", pages: [page("rules", "navRules"), page("quarantine", "navQuarantine", "quarantine")] },
];

// a page of one thing stands below the list that it is in
const BELOW = { alarm: "alarms", finding: "findings", round: "rounds", hazard: "hazards", drill: "drills" };

/** The list or page that the address is at, or below; "" on a unit's page. */
export function here() {
  const { unit, page: name } = route();
  return unit ? "" : BELOW[name] ?? (name || "park");
}

/** The groups with the pages that a key may see; groups without any are left out. */
export const seen = (model) => SECTIONS.map((section) => ({ ...section, pages: section.pages.filter(({ need }) => model.may(need)) })).filter(({ pages }) => pages.length);
