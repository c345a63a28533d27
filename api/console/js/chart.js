// One chart: a band from least to greatest, the mean on it; bars for amounts; steps for states.
// Gaps stay gaps. Limits, alarms and findings of the point are drawn in. One cursor over all charts of a page.

import { h, put } from "./dom.js";
import { age, amount, clock, dayText, hourMinute, number, parkZone, percent, unitText } from "./format.js";
import { t } from "./texts.js";
import { word } from "./words.js";

const HEIGHT = 132;
const SYNC = "unit";
const PROMISE = 2.2; // intervals that may pass before a line is broken: one may be lost on the way

/** A colour of the tokens, as the canvas needs it. */
function colour(name) {
  const probe = h("i", { hidden: true });
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** The spacing that a point kept around a place: the median of three before and three after. */
function rhythm(ts, i) {
  const near = [];
  for (let k = Math.max(1, i - 3); k <= Math.min(ts.length - 1, i + 3); k += 1) near.push(ts[k] - ts[k - 1]);
  return near.sort((a, b) => a - b)[near.length >> 1];
}

/** Put a hole between windows that lie further apart than `most` ms, and than the point's rhythm there lets expect. */
export function withGaps(ts, columns, most) {
  const x = [], out = columns.map(() => []);
  ts.forEach((at, i) => {
    if (i && at - ts[i - 1] > Math.max(most, PROMISE * rhythm(ts, i))) {
      x.push((ts[i - 1] + at) / 2_000);
      for (const column of out) column.push(null);
    }
    x.push(at / 1_000);
    columns.forEach((column, k) => out[k].push(column[i]));
  });
  return [x, ...out];
}

const LINES = ["--chart-1", "--chart-2", "--chart-3", "--chart-4", "--chart-5", "--chart-6", "--chart-7", "--chart-8"];

/**
 * @param spec {title, unit, kind: "band" | "lines" | "bars" | "steps", series: [{label, windows, interval}], states,
 *   limits: [{value, text}], marks: [{from, to, severity}], dots: [{ts}], start, end,
 *   kept: the windows that are left of that time, ms; 0: it is drawn as finely as was asked}
 */
export class Chart {
  constructor(spec) {
    this.readout = h("span", { cls: "readout" });
    this.canvas = h("div", { cls: "canvas", role: "img", "aria-label": spec.title });
    this.head = h("div", { cls: "chart-head" });
    this.root = h("figure", { cls: "chart" }, this.head, this.canvas);
    this.observer = new ResizeObserver(() => this.plot?.setSize({ width: this.canvas.clientWidth, height: HEIGHT }));
    this.observer.observe(this.canvas);
    this.set(spec);
  }

  close() {
    this.observer.disconnect();
    this.plot?.destroy();
    this.plot = null;
  }

  set(spec) {
    this.spec = spec;
    const { series, kind } = spec;
    const step = series[0]?.windows.step ?? 0;
    const about = kind === "bars" ? t("totals", { step: age(step) }) : kind === "steps" ? t("lastValue", { step: age(step) }) : kind === "band" ? t("minMeanMax") : "";
    put(this.head, h("figcaption", {}, h("strong", {}, spec.title), spec.unit ? h("span", { cls: "unit" }, unitText(spec.unit)) : null,
      h("span", { cls: "quiet about" }, about), spec.kept ? h("span", { cls: "kept" }, t("keptBy", { step: age(spec.kept) })) : null), this.readout,
    h("span", { cls: "good" }, t("goodShare", { share: percent(spec.good) })),
    spec.close ? h("button", { type: "button", cls: "flat", "aria-label": t("close"), onclick: spec.close }, "×") : null);
    this.draw();
  }

  draw() {
    const { spec } = this;
    this.plot?.destroy();
    this.plot = null;
    if (!spec.series.some((one) => one.windows.ts.length)) {
      put(this.canvas, h("p", { cls: "state empty" }, t("noData")));
      return;
    }
    put(this.canvas);
    const { data, series, bands } = this.columns();
    this.plot = new uPlot({
      width: Math.max(120, this.canvas.clientWidth), height: HEIGHT, series, bands, padding: [8, 18, 0, 0], // half a word of the last hour
      legend: { show: false }, tzDate: (at) => uPlot.tzDate(new Date(at * 1_000), parkZone()),
      cursor: { sync: { key: SYNC }, drag: { x: false, y: false }, points: { size: 5 }, y: false },
      scales: { x: { time: true, range: () => [spec.start / 1_000, spec.end / 1_000] }, y: { range: (_, low, high) => this.range(low, high) } },
      axes: [this.axis({ values: (_, at, __, ___, step) => at.map((v) => timeText(v * 1_000, step)), space: 70, size: 26 }),
        this.axis({ size: 52, space: 28, values: (_, at) => at.map((v) => this.yText(v)), ...(spec.states ? { splits: () => spec.states.map((_, i) => i) } : {}) })],
      hooks: { drawAxes: [(u) => this.behind(u)], draw: [(u) => this.before(u)], setCursor: [(u) => this.read(u)] },
    }, data, this.canvas);
    this.canvas.dataset.points = String(data[0].length);
    this.canvas.dataset.usual = String(spec.usual?.rows.length ?? 0);
    this.canvas.dataset.marks = String(spec.marks.length);
  }

  yText(v) {
    const { states } = this.spec;
    return states ? (states[v] ? word("value", states[v]) : "") : number(v);
  }

  axis(more) {
    const grid = { stroke: colour("--grid"), width: 1 };
    return { stroke: colour("--ink-2"), grid, ticks: { show: false }, font: "11px system-ui, sans-serif", gap: 4, ...more };
  }

  columns() {
    const { spec } = this;
    const [one] = spec.series;
    const most = (w, interval) => Math.max(2 * w.step, PROMISE * interval);
    const ink = (i) => colour(LINES[i % LINES.length]);
    if (spec.kind === "bars") {
      const { ts, total, step } = one.windows;
      return { data: [ts.map((v) => (v + step / 2) / 1_000), total], bands: [], series: [{},
        { label: one.label, stroke: ink(0), fill: colour("--chart-fill"), width: 1, points: { show: false },
          paths: uPlot.paths.bars({ size: [0.82, 60] }) }] };
    }
    if (spec.kind === "lines") {
      const parts = spec.series.map((part) => withGaps(part.windows.ts, [part.windows.mean], most(part.windows, part.interval)));
      return { data: uPlot.join(parts, parts.map(() => [2])), bands: [], // 2: what is null stays a gap
        series: [{}, ...spec.series.map((part, i) => ({ label: part.label, stroke: ink(i), width: 1.3, points: { show: false } }))] };
    }
    if (spec.kind === "steps") {
      const data = withGaps(one.windows.ts, [one.windows.last], most(one.windows, one.interval));
      return { data, bands: [], series: [{}, { label: one.label, stroke: ink(0), width: 1.5, points: { show: false }, paths: uPlot.paths.stepped({ align: 1 }) }] };
    }
    const data = withGaps(one.windows.ts, [one.windows.mean, one.windows.max, one.windows.min], most(one.windows, one.interval));
    const edge = { stroke: "transparent", width: 0, points: { show: false } };
    return { data, bands: [{ series: [2, 3], fill: colour("--chart-band") }], series: [{},
      { label: one.label, stroke: ink(0), width: 1.5, points: { size: 4 } }, { label: "max", ...edge }, { label: "min", ...edge }] };
  }

  /** Amounts stand on zero; limits are within sight where they are near. */
  range(low, high) {
    const { spec } = this;
    if (spec.states) return [-0.25, spec.states.length - 0.75];
    let [from, to] = [low ?? 0, high ?? 1];
    if (spec.kind === "bars") from = Math.min(0, from);
    const [least, most] = [from, to];
    const span = to - from || Math.abs(to) || 1;
    const edges = (spec.usual?.rows ?? []).flatMap((row) => [{ value: row.low }, { value: row.high }]);
    for (const { value } of [...edges, ...spec.limits]) {
      if (value > to && value < most + span * 1.2) to = value;
      if (value < from && value > least - span * 1.2) from = value;
    }
    const room = (to - from || Math.abs(to) || 1) * 0.08;
    return [from === 0 || spec.kind === "bars" ? Math.min(0, from) : from - room, to + room];
  }

  /** Behind all: what was usual, by hours. */
  usual(u) {
    const { ctx, bbox } = u;
    const { usual } = this.spec;
    if (!usual) return;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.strokeStyle = ctx.fillStyle = colour("--ink-2");
    ctx.lineWidth = devicePixelRatio;
    for (const { ts, low, high, expected } of usual.rows) {
      const left = u.valToPos(ts / 1_000, "x", true), right = u.valToPos((ts + usual.step) / 1_000, "x", true);
      const top = u.valToPos(high, "y", true), bottom = u.valToPos(low, "y", true), middle = u.valToPos(expected, "y", true);
      ctx.globalAlpha = 0.12;
      ctx.fillRect(left, top, right - left, bottom - top);
      ctx.globalAlpha = 0.45;
      ctx.beginPath();
      ctx.moveTo(left, middle);
      ctx.lineTo(right, middle);
      ctx.stroke();
    }
    ctx.restore();
  }

  /** Behind the lines: what was usual, the time that alarms stood, and that episodes went on. */
  behind(u) {
    this.usual(u);
    const { ctx, bbox } = u;
    ctx.save();
    for (const mark of this.spec.marks) {
      const left = Math.max(bbox.left, u.valToPos(mark.from / 1_000, "x", true));
      const right = Math.min(bbox.left + bbox.width, u.valToPos(mark.to / 1_000, "x", true));
      if (right <= bbox.left || left >= bbox.left + bbox.width) continue;
      ctx.globalAlpha = 0.16;
      ctx.fillStyle = colour(`--${mark.severity}`);
      ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height);
    }
    ctx.restore();
  }

  /** Before them: limits, and the moments of findings. */
  before(u) {
    const { ctx, bbox } = u;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.font = `${10.5 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "left"; // the axes leave their own behind
    ctx.textBaseline = "alphabetic";
    for (const limit of this.spec.limits) {
      const y = u.valToPos(limit.value, "y", true);
      if (y < bbox.top || y > bbox.top + bbox.height) continue;
      ctx.strokeStyle = ctx.fillStyle = colour(`--${limit.severity}`);
      ctx.setLineDash([5 * ratio, 4 * ratio]);
      ctx.lineWidth = ratio;
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
      ctx.fillText(limit.text, bbox.left + 4 * ratio, y - 4 * ratio);
    }
    ctx.setLineDash([]);
    for (const dot of this.spec.dots) {
      const x = u.valToPos(dot.ts / 1_000, "x", true);
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.fillStyle = colour(`--${dot.severity}`);
      ctx.beginPath();
      ctx.arc(x, bbox.top + bbox.height - 4 * ratio, 3 * ratio, 0, 7);
      ctx.fill();
    }
    ctx.restore();
  }

  read(u) {
    const i = u.cursor.idx;
    if (i === null || i === undefined) return put(this.readout);
    const { spec } = this;
    const at = u.data[0][i] * 1_000;
    const value = (v) => (v === null || v === undefined ? "—" : spec.states ? this.yText(v) : amount(v, spec.unit));
    const parts = spec.kind === "lines"
      ? spec.series.map((one, k) => `${one.label} ${value(u.data[k + 1][i])}`)
      : spec.kind === "band" ? [value(u.data[1][i]), `${number(u.data[3][i])} – ${number(u.data[2][i])}`] : [value(u.data[1][i])];
    const hour = spec.usual?.rows.find((row) => row.ts <= at && at < row.ts + spec.usual.step);
    if (hour) parts.push(t("usualRange", { low: number(hour.low), high: number(hour.high) }));
    return put(this.readout, `${dayText(at)} ${clock(at)} · ${parts.join(" · ")}`);
  }
}

const timeText = (ms, step) => {
  const text = hourMinute(ms);
  return step >= 86_400 || text === "00:00" ? dayText(ms) : text;
};
