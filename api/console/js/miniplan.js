// The park in small, with one place marked: where to run.

import { h, s } from "./dom.js";
import { toUnit } from "./route.js";
import { whereText } from "./say.js";
import { t } from "./texts.js";

const MARGIN = 6; // metres

export class MiniPlan {
  constructor(model) {
    this.model = model;
  }

  /** The plan with `place` in the colour of a severity; null where nothing is drawn of it. */
  draw(place, severity) {
    const { model } = this;
    const unit = model.unitOf(place);
    const marked = unit || (model.buildings.has(place) ? place : 0);
    const outlines = [...model.buildings.values(), ...model.units.values()].filter((p) => p.outline?.length);
    if (!marked || !outlines.some((p) => p.id === marked)) return null;
    const xs = outlines.flatMap((p) => p.outline.map(([x]) => x)), ys = outlines.flatMap((p) => p.outline.map(([, y]) => y));
    const left = Math.min(...xs) - MARGIN, right = Math.max(...xs) + MARGIN, low = Math.min(...ys) - MARGIN, high = Math.max(...ys) + MARGIN;
    const path = (outline) => `M${outline.map(([x, y]) => `${x} ${high + low - y}`).join("L")}Z`; // y points up
    const at = outlines.find((p) => p.id === marked).outline;
    const middle = [at.reduce((sum, [x]) => sum + x, 0) / at.length, high + low - at.reduce((sum, [, y]) => sum + y, 0) / at.length];
    const name = whereText(model, place);
    const picture = s("svg", { cls: `mini-plan ${severity}`, viewBox: `${left} ${low} ${right - left} ${high - low}`, role: "img", "aria-label": t("markedOnPlan", { name }) },
      outlines.map((p) => s("path", { cls: p.id === marked ? "marked" : "quiet-place", d: path(p.outline) })),
      s("circle", { cls: "here", cx: middle[0], cy: middle[1], r: (right - left) / 40 }));
    return h("div", { cls: "padded" }, picture, h("p", {}, unit ? h("a", { href: toUnit(model.park, unit) }, name) : name));
  }
}
