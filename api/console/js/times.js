// Times that people write, in a park's own zone: the browser knows only its own.

import { now, parkZone } from "./format.js";

const MINUTE = 60_000;
const DAY = 86_400_000;

/** How far a zone's clocks are ahead of UTC at a moment (ms). */
function ahead(ms, zone) {
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" }).formatToParts(ms);
  const part = (type) => Number(parts.find((p) => p.type === type).value);
  return Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute")) - Math.floor(ms / MINUTE) * MINUTE;
}

/** A moment as a field of date and time takes it: "2026-11-21T08:00". */
export const localText = (ms, zone = parkZone()) => new Date(ms + ahead(ms, zone)).toISOString().slice(0, 16);

/** The moment (epoch ms) that such a text names in a zone; NaN for none. */
export function momentOf(text, zone = parkZone()) {
  const wall = Date.parse(`${text}Z`);
  if (Number.isNaN(wall)) return NaN;
  const guess = wall - ahead(wall, zone);
  return wall - ahead(guess, zone); // the second look is right on the days on which clocks change, too
}

/** A day as ISO date, in the park. */
export const dayOf = (ms = now(), zone = parkZone()) => localText(ms, zone).slice(0, 10);
/** So many days after a day. */
export const dayAfter = (day, n) => new Date(Date.parse(`${day}T00:00:00Z`) + n * DAY).toISOString().slice(0, 10);
/** Monday is 0. */
export const weekdayOf = (day) => (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7;

/** Minutes of the day as "08:00", and back. 24:00 is the end of a day. */
export const clockText = (minute) => `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
export const minuteOf = (text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5));
