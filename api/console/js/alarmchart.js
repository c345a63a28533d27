// The curve of an alarm's point, an hour before it and after, with the limit it passed and the time it stood.

import { get, Problem } from "./api.js";
import { Chart } from "./chart.js";
import { put } from "./dom.js";
import { amount, now } from "./format.js";
import { empty, why } from "./panel.js";
import { deviceText, pointText } from "./say.js";
import { windowsOf } from "./series.js";
import { t } from "./texts.js";

const WINDOWS = 240;
const LONG = 12 * 3_600_000; // ms: a longer alarm is shown by its first hours

export class AlarmChart {
  constructor(model, panel) {
    this.model = model;
    this.panel = panel;
  }

  /** Show an alarm's point; asks anew only when the alarm changed. */
  async show(alarm) {
    if (!alarm.chart) return put(this.panel.body, empty(t("noCurve")));
    const sign = `${alarm.version} ${document.documentElement.lang}`;
    if (this.sign === sign) return undefined;
    this.sign = sign;
    const { point: id, start: begin } = alarm.chart;
    try {
      const point = await get(`/points/${id}`);
      const until = Math.ceil(Math.min(alarm.chart.end, now(), begin + LONG));
      const { answers: [windows], start, end, kept } = await windowsOf([id], begin, until, { buckets: WINDOWS });
      if (this.sign !== sign || this.closed) return undefined;
      if (!windows.ts.length) return put(this.panel.body, empty(t("noData")));
      const device = this.model.devices.get(alarm.device);
      const spec = {
        title: [pointText(point), deviceText(this.model, device)].filter(Boolean).join(" · "), unit: point.unit, kind: point.kind === "state" ? "steps" : "band", start, end, kept,
        series: [{ label: pointText(point), windows, interval: point.interval }], states: point.kind === "state" ? point.states : null,
        limits: alarm.limit === null || point.kind === "state" ? [] : [{ value: alarm.limit, severity: alarm.severity, text: t("limitThen", { value: amount(alarm.limit, point.unit) }) }],
        marks: [{ from: alarm.since, to: alarm.active ? end : Math.min(alarm.closed ?? alarm.changed, until), severity: alarm.severity, id: String(alarm.id) }],
        dots: [], good: Math.min(1, windows.good.reduce((sum, share) => sum + share * windows.step, 0) / (end - start)),
      };
      this.chart?.close();
      this.chart = new Chart(spec);
      put(this.panel.body, this.chart.root);
      this.chart.draw();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.sign = null;
      put(this.panel.body, empty(t("errorState", { why: why(problem) })));
    }
    return undefined;
  }

  draw() {
    this.chart?.draw();
  }

  close() {
    this.closed = true;
    this.chart?.close();
  }
}
