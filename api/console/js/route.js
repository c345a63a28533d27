// The place is in the address: #/park/1/unit/12?range=24h&points=3,4. Back works, links can be sent.

export function route() {
  const [path, query = ""] = location.hash.slice(1).split("?");
  const parts = path.split("/").filter(Boolean);
  const number = (name) => {
    const at = parts.indexOf(name);
    const value = at >= 0 ? Number(parts[at + 1]) : 0;
    return Number.isSafeInteger(value) && value > 0 ? value : 0;
  };
  return { park: number("park"), unit: number("unit"), page: parts[2] ?? "", item: Number(parts[3]) || 0, query: new URLSearchParams(query) };
}

export const toPark = (park) => `#/park/${park}`;
export const toUnit = (park, unit, query = "") => `#/park/${park}/unit/${unit}${query ? `?${query}` : ""}`;
/** A page of a park: "alarms", "alarm" with its number, "hidden", ... */
export const toPage = (park, page, item = 0, query = "") => `#/park/${park}/${page}${item ? `/${item}` : ""}${query ? `?${query}` : ""}`;

/** Change the query of the present place, without a step in the history. */
export function setQuery(changes) {
  const { query } = route();
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString().replaceAll("%2C", ",");
  history.replaceState(null, "", location.pathname + location.search + location.hash.split("?")[0] + (text ? `?${text}` : ""));
}
