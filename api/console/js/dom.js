// Elements. Text goes in as text only: nothing here, or anywhere on these pages, parses HTML.

const SVG = "http://www.w3.org/2000/svg";
const STOPS = "a,button,select,input,textarea,summary"; // where a keyboard stops
const LONGEST = 2_000; // ms that a press holds drawing up: a fire is drawn, whatever lies on the keyboard

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "data") Object.assign(element.dataset, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name === "cls" ? "class" : name, value === true ? "" : String(value));
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An HTML element: h("p", {cls: "quiet", onclick}, "text", child, [more]). */
export const h = (tag, properties = {}, ...children) => fill(document.createElement(tag), properties, children);

/** An SVG element, alike. */
export const s = (tag, properties = {}, ...children) => fill(document.createElementNS(SVG, tag), properties, children);

/**
 * Make the children of `parent` those of `items`, touching only what changed: focus and hover survive.
 * `stamp` names what else they are made of: another stamp makes all of them anew.
 */
export function keyed(parent, items, key, make, stamp = "") {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const focused = document.activeElement;
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    const sign = stamp + JSON.stringify(item);
    let element = old.get(name);
    old.delete(name);
    if (!element || element.sign !== sign) {
      const fresh = make(item);
      fresh.dataset.key = name;
      fresh.sign = sign;
      if (element) {
        const held = element.contains(focused);
        const at = held ? [...element.querySelectorAll(STOPS)].indexOf(focused) : -1;
        if (place === element) place = element.nextElementSibling;
        element.remove();
        parent.insertBefore(fresh, place);
        if (element === focused) fresh.focus({ preventScroll: true });
        else if (held) (fresh.querySelectorAll(STOPS)[at] ?? fresh.querySelector(STOPS))?.focus();
      } else parent.insertBefore(fresh, place);
      element = fresh;
      continue;
    }
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  for (const gone of old.values()) gone.remove();
}

/** What takes the focus in place of an element that was made anew: itself, its act again, or the same at its place. */
function heir(parent, focused, at) {
  if (parent.contains(focused)) return focused;
  const stops = [...parent.querySelectorAll(STOPS)];
  const { act } = focused.dataset;
  if (act) return stops.find((one) => one.dataset.act === act); // never the next row's: a second press would act there
  return stops[at]?.textContent === focused.textContent ? stops[at] : null;
}

/** Replace what is in an element; a keyboard's focus stays where it was, and a choice that is open stays open. */
export function put(parent, ...children) {
  const fresh = children.flat(3).filter((child) => child !== null && child !== undefined && child !== false);
  const focused = document.activeElement;
  const held = focused !== parent && parent.contains(focused);
  if (held && focused.tagName === "SELECT" && same(parent, fresh)) return;
  const at = held ? [...parent.querySelectorAll(STOPS)].indexOf(focused) : -1;
  parent.replaceChildren(...fresh);
  if (held && document.activeElement !== focused) heir(parent, focused, at)?.focus({ preventScroll: true });
}

const same = (parent, fresh) => parent.childNodes.length === fresh.length && fresh.every((one, i) => (one instanceof Node ? one.isEqualNode(parent.childNodes[i]) : one === parent.childNodes[i].data));

// What is made anew between press and release loses its click, by a finger and by the space bar: it is drawn after it.
let pressed = false, longest;
const late = [];
function press(event) {
  if (pressed || (event.type === "keydown" && event.key !== " ")) return;
  pressed = true;
  longest = setTimeout(release, LONGEST);
}
function release() {
  clearTimeout(longest);
  pressed = false;
  late.splice(0).forEach((draw) => requestAnimationFrame(draw));
}
for (const name of ["pointerdown", "keydown"]) addEventListener(name, press, true);
for (const name of ["pointerup", "pointercancel", "keyup"]) addEventListener(name, () => setTimeout(release), true); // the click comes first

/** Run a function once before the next frame, however often it was asked for; while something is pressed, after that. */
export function framed(run) {
  let waiting = false;
  const draw = () => {
    if (pressed) {
      late.push(draw);
      return;
    }
    waiting = false;
    run();
  };
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(draw);
  };
}

const SHAPES = {
  critical: "M8 .8 15.2 8 8 15.2 .8 8z",
  high: "M8 1.4 15.4 14.6H.6z",
  medium: "M2 2h12v12H2z",
  low: "M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13z",
  calm: "M2.5 8.6 6 12.2 13.5 4.4",
  stale: "M3 13 13 3M3 8l5-5M8 13l5-5",
};

/** The shape of a severity: diamond, triangle, square, circle; a tick for calm, hatching for stale. */
export const shape = (severity) =>
  s("svg", { cls: `shape ${severity}`, viewBox: "0 0 16 16", "aria-hidden": "true" }, s("path", { d: SHAPES[severity] ?? SHAPES.low }));

/** A spark line of numbers; null is a gap. `behind` is drawn faintly, on the same scale. */
export function spark(values, behind = []) {
  const width = 120, height = 28;
  const known = [...values, ...behind].filter((v) => v !== null);
  if (known.length < 2) return s("svg", { cls: "spark", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  const low = Math.min(0, ...known), high = Math.max(...known);
  const line = (list) => {
    let path = "", pen = "M";
    list.forEach((v, i) => {
      if (v === null) pen = "M";
      else {
        const x = list.length > 1 ? (i * width) / (list.length - 1) : 0;
        path += `${pen}${x.toFixed(1)} ${(height - 2 - ((v - low) / (high - low || 1)) * (height - 4)).toFixed(1)}`;
        pen = "L";
      }
    });
    return path;
  };
  return s("svg", { cls: "spark", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    s("path", { cls: "behind", d: line(behind) }), s("path", { d: line(values) }));
}
