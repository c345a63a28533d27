// The API, as this page asks it. Every error is a Problem with a status; 0 means that nobody answered.

const ROOT = "/api/v1";

export class Problem extends Error {
  constructor(status, detail, body = {}) {
    super(detail);
    this.status = status;
    this.body = body;
  }
}

let signIn = null; // asks the person for a key; resolves once there is a session
let asking = null;

/** Say how to ask a person for a key. */
export const onKeyNeeded = (ask) => (signIn = ask);

async function problemOf(answer) {
  try {
    const body = await answer.json();
    return new Problem(answer.status, body.detail ?? answer.statusText, body);
  } catch {
    return new Problem(answer.status, answer.statusText);
  }
}

async function call(method, path, { query = {}, body, file, quiet = false } = {}) {
  const address = new URL(ROOT + path, location.origin);
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") address.searchParams.append(name, one);
    }
  }
  const request = { method, headers: {}, credentials: "same-origin" };
  if (body !== undefined) {
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  if (file) {
    request.headers["Content-Type"] = file.type || "text/plain";
    request.body = file;
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
    return call(method, path, { query, body, file });
  }
  if (!answer.ok) throw await problemOf(answer);
  return answer.status === 204 ? null : answer.json();
}

export const get = (path, query = {}, more = {}) => call("GET", path, { query, ...more });
export const post = (path, body, more = {}) => call("POST", path, { body, ...more });
export const replace = (path, body) => call("PUT", path, { body });
export const remove = (path) => call("DELETE", path);
/** Send a file as it is. */
export const send = (path, query, file) => call("POST", path, { query, file });
export const leave = () => call("DELETE", "/session");

/** Every page of a list; `by` is the parameter that takes the `next` of the page before. */
export async function all(path, query = {}, { by = "after", most = 20_000 } = {}) {
  const items = [];
  let next;
  do {
    const page = await get(path, { limit: 1000, ...query, [by]: next });
    items.push(...page.items);
    ({ next } = page);
  } while (next && items.length < most);
  return items;
}
