// Unusual values of a unit: one sentence each; opened, why it was told, what was like it, and what people say of it.

import { get, post, Problem } from "./api.js";
import { toast } from "./dialogs.js";
import { h, put, shape } from "./dom.js";
import { moment, percent } from "./format.js";
import { empty, Panel, why } from "./panel.js";
import { route, setQuery } from "./route.js";
import { lang, t } from "./texts.js";
import { word } from "./words.js";

const LOOKED = 200, SHOWN = 12;
const said = (it) => (lang() === "zh" ? it.zh : it.en);

export class FindingsPanel {
  /** `changed` is called when the episodes are known, or others are: charts draw them. */
  constructor(model, unit, changed) {
    Object.assign(this, { model, unit, changed, items: [], story: null });
    this.panel = new Panel("unit-findings", t("episodes"));
    this.root = this.panel.root;
    this.list = h("ul", { cls: "rows" });
    this.detail = h("div", { cls: "finding-detail", role: "status" });
  }

  close() {
    this.closed = true;
  }

  async load() {
    try {
      const page = await get("/episodes", { park: this.model.park, limit: LOOKED });
      if (this.closed) return;
      this.items = page.items.filter((e) => this.model.unitOf(e.place) === this.unit);
      this.draw();
      this.changed();
      await this.open(route().query.get("episode"), false);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      const text = problem.status === 403 ? t("forbiddenState", { why: why(problem) }) : t("errorState", { why: why(problem) });
      put(this.panel.body, h("p", { cls: "state error", role: "alert" }, text, " ", h("button", { type: "button", onclick: () => this.load() }, t("retry"))));
    }
  }

  draw() {
    this.root.classList.toggle("quiet-panel", !this.items.length);
    if (!this.items.length) return put(this.panel.body, empty(t("noEpisodes")));
    put(this.list, this.items.slice(0, SHOWN).map((e) => this.row(e)));
    return put(this.panel.body, this.list, this.detail);
  }

  row(e) {
    const open = this.story?.episode.id === e.id;
    const about = e.mark ? h("span", { cls: "tag" }, t(e.mark.verdict === "true" ? "episodeTrue" : "episodeFalse")) : null;
    return h("li", { cls: `row finding ${e.severity}` },
      h("span", { cls: "mark" }, shape(e.severity)),
      h("button", { type: "button", cls: "flat said", "aria-expanded": String(open), onclick: () => this.open(open ? null : e.id) },
        this.title(e), " ", about),
      h("div", { cls: "when" }, h("time", { datetime: new Date(e.since).toISOString() }, moment(e.since)),
        h("span", { cls: "age" }, e.until ? t("ended", { at: moment(e.until) }) : t("underWay"))));
  }

  title(e) {
    const metric = this.model.metrics.get(this.model.latest.get(e.point)?.metric);
    return `${metric ? (lang() === "zh" ? metric.zh : metric.en) : t("metric")} · ${e.anomaly ? word("anomaly", e.anomaly) : word("finding", "anomaly")}`;
  }

  /** Tell why an episode was told; null closes it. The address names it, so that it can be sent. */
  async open(id, here = true) {
    if (here) setQuery({ episode: id });
    if (!id) {
      this.story = null;
      put(this.detail);
      if (here) this.draw();
      return;
    }
    try {
      this.story = await get(`/episodes/${id.split("/").map(encodeURIComponent).join("/")}`);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      put(this.detail, h("p", { cls: "state error", role: "alert" }, t("errorState", { why: why(problem) })));
      return;
    }
    if (this.closed) return;
    this.draw();
    this.drawStory();
  }

  drawStory() {
    const { story } = this;
    const note = h("input", { type: "text", maxlength: 1000, "aria-label": t("episodeNote"), placeholder: t("episodeNote") });
    const mark = (verdict, text) => h("button", { type: "button", "aria-pressed": String(story.episode.mark?.verdict === verdict), onclick: () => this.mark(verdict, note.value) }, t(text));
    const others = (name, items) => items.length ? h("p", { cls: "facts" }, t(name), " ", items.map((e) =>
      h("button", { type: "button", cls: "flat", onclick: () => this.open(e.id) }, `${moment(e.since)} ${this.title(e)}`))) : null;
    put(this.detail, h("p", { cls: "sentence" }, said(story)),
      h("p", { cls: "facts" }, [story.good === null ? "" : t("goodShare", { share: percent(story.good) }), story.learning ? t("learningPoint") : ""].filter(Boolean).join(" · ")),
      others("similarEpisodes", story.similar), others("togetherEpisodes", story.together),
      this.model.may("alarm") ? h("div", { cls: "marking", role: "group", "aria-label": t("episodeMark") }, mark("true", "episodeTrue"), mark("false", "episodeFalse"), note) : null,
      story.marks.length ? h("ul", { cls: "marks" }, story.marks.map((m) =>
        h("li", {}, `${moment(m.at)} ${m.actor} · ${t(m.verdict === "true" ? "episodeTrue" : "episodeFalse")}${m.note ? ` · ${m.note}` : ""}`))) : null);
  }

  async mark(verdict, note) {
    try {
      await post("/episodes/mark", { episode: this.story.episode.id, verdict, note });
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      toast(t("errorState", { why: why(problem) }));
      return;
    }
    await this.load();
  }
}
