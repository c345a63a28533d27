// The API, as this page asks it. Every error is a Problem with a status; 0 means that nobody answered.

const ROOT = "/api/v1";

export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

let signIn = null; // asks the person for a key; resolves once there is a session
let asking = null;

/** Say how to ask a person for a key. */
export const onKeyNeeded = (ask) => (signIn = ask);

async function problemOf(answer) {
  try {
    return new Problem(answer.status, (await answer.json()).detail ?? answer.statusText);
  } catch {
    return new Problem(answer.status, answer.statusText);
  }
}

async function call(method, path, { query = {}, body, quiet = false } = {}) {
  const address = new URL(ROOT + path, location.origin);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") address.searchParams.set(name, value);
  }
  const request = { method, headers: {}, credentials: "same-origin" };
  if (body !== undefined) {
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(address, request);
  } catch {
    throw new Problem(0, "");
  }
  if (answer.status === 401 && !quiet && signIn) {
    asking ??= signIn().finally(() => (asking = null));
    await asking;
    return call(method, path, { query, body });
  }
  if (!answer.ok) throw await problemOf(answer);
  return answer.status === 204 ? null : answer.json();
}

export const get = (path, query = {}, more = {}) => call("GET", path, { query, ...more });
export const post = (path, body, more = {}) => call("POST", path, { body, ...more });
export const leave = () => call("DELETE", "/session");

/** Every page of a list that is asked with `after`. */
export async function all(path, query = {}, most = 20_000) {
  const items = [];
  let after;
  do {
    const page = await get(path, { limit: 1000, ...query, after });
    items.push(...page.items);
    after = page.next;
  } while (after && items.length < most);
  return items;
}
