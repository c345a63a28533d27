// The page of one episode: what, where, since when, how far; its curve with what was usual; what spoke, what was like
// it, and what people say of it.

import { get, Problem } from "./api.js";
import { Chart } from "./chart.js";
import { h, put } from "./dom.js";
import { Episode, episodeTitle, toEpisode } from "./episode.js";
import { reportHazard } from "./hazardspage.js";
import { empty, Panel, why } from "./panel.js";
import { route, toPage, toUnit } from "./route.js";
import { specBetween } from "./series.js";
import { t } from "./texts.js";

export class FindingPage {
  constructor(model) {
    this.model = model;
    this.panel = new Panel("finding", t("episode"));
    this.curve = new Panel("finding-curve", t("charts"));
    this.episode = new Episode(model, {
      link: (e, text) => h("a", { href: toEpisode(model.park, e.id) }, text),
      marked: () => this.load(),
    });
    this.root = h("div", { cls: "finding-page" }, h("a", { cls: "up", href: toPage(model.park, "findings") }, `← ${t("episodes")}`), this.panel.root, this.curve.root);
    this.themed = () => this.chart?.draw();
    document.addEventListener("themechange", this.themed);
    this.off = model.on((topic) => topic === "refetched" && this.load());
  }

  start() {
    put(this.panel.body, h("div", { cls: "skeleton", role: "status", "aria-label": t("loading") }), this.episode.root);
    this.load();
  }

  close() {
    this.closed = true;
    this.off();
    this.episode.close();
    this.chart?.close();
    document.removeEventListener("themechange", this.themed);
  }

  async load() {
    const id = route().query.get("episode");
    if (!id) return put(this.panel.body, empty(t("episodeGone")));
    const shown = await this.episode.ask(id);
    if (this.closed) return undefined;
    put(this.panel.body, this.episode.root);
    if (!shown) return undefined;
    await this.model.settled; // names of quantities
    const { story } = this.episode;
    this.panel.title.textContent = `${story.where} · ${episodeTitle(this.model, story.episode)}`;
    put(this.panel.beside, story.unit_place ? h("a", { href: toUnit(this.model.park, story.unit_place) }, story.where) : null,
      this.model.may("alarm") ? h("button", { type: "button", cls: "flat", onclick: () => this.asHazard() }, t("asHazard")) : null);
    this.episode.draw({ whole: true });
    return this.draw();
  }

  asHazard() {
    const { story } = this.episode;
    return reportHazard(this.model, { place: story.unit_place || this.model.park, title: episodeTitle(this.model, story.episode), origin: `episode:${story.episode.id}` });
  }

  async draw() {
    const { episode: e, chart_start: start, chart_end: end, similar, together } = this.episode.story;
    try {
      const point = await get(`/points/${e.point}`);
      const own = [e, ...similar, ...together].filter((other) => other.point === e.point);
      const spec = await specBetween(this.model, { id: point.id, points: [point] }, { start, end }, [], this.model.devices.get(e.device), own);
      if (this.closed) return;
      this.chart?.close();
      this.chart = new Chart(spec);
      put(this.curve.body, this.chart.root);
      this.chart.draw();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      put(this.curve.body, empty(t("errorState", { why: why(problem) })));
    }
  }
}
