// One episode of unusual values: its row in a list, and the whole story of it, with what people say.

import { get, post, Problem } from "./api.js";
import { toast } from "./dialogs.js";
import { h, put, shape } from "./dom.js";
import { moment, number, percent } from "./format.js";
import { why } from "./panel.js";
import { toPage } from "./route.js";
import { metricText } from "./say.js";
import { lang, t } from "./texts.js";
import { word } from "./words.js";

const RAREST = 12; // decades that fill the bar of a part
export const said = (it) => (lang() === "zh" ? it.zh : it.en);
export const toEpisode = (park, id) => toPage(park, "finding", 0, `episode=${encodeURIComponent(id)}`);
const verdict = (mark) => t(mark.verdict === "true" ? "episodeTrue" : "episodeFalse");

/** The quantity and the kind of an episode. */
export function episodeTitle(model, e) {
  const metric = model.metrics.get(model.latest.get(e.point)?.metric);
  return `${metricText(metric) || t("metric")} · ${e.anomaly ? word("anomaly", e.anomaly) : word("finding", "anomaly")}`;
}

/** A line of a list; `name` is what is clicked, `before` stands in front of it. */
export const episodeRow = (e, name, before = null) => h("li", { cls: `row finding ${e.severity}` },
  h("span", { cls: "mark" }, shape(e.severity)),
  h("p", { cls: "what" }, before, name, " ", e.mark ? h("span", { cls: "tag" }, verdict(e.mark)) : null),
  h("div", { cls: "when" }, h("time", { datetime: new Date(e.since).toISOString() }, moment(e.since)),
    h("span", { cls: "age" }, e.until ? t("ended", { at: moment(e.until) }) : t("underWay"))));

export class Episode {
  /** `link` gives what leads to another episode; `marked` is called after a person said something of this one. */
  constructor(model, { link, marked }) {
    Object.assign(this, { model, link, marked, story: null });
    this.root = h("div", { cls: "finding-detail", role: "status" });
    // One for as long as we last: what somebody is writing outlives whatever is drawn anew around it.
    this.note = h("input", { type: "text", maxlength: 1000, "aria-label": t("episodeNote"), placeholder: t("episodeNote") });
  }

  close() {
    this.closed = true;
  }

  /** Ask for the story; null shows nothing. True where it is shown. */
  async ask(id) {
    if (id !== this.asked) this.note.value = "";
    this.asked = id;
    if (!id) {
      this.story = null;
      put(this.root);
      return false;
    }
    try {
      const story = await get(`/episodes/${id.split("/").map(encodeURIComponent).join("/")}`);
      if (this.closed || this.asked !== id) return false;
      this.story = story;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      const text = problem.status === 404 ? t("episodeGone") : t("errorState", { why: why(problem) });
      put(this.root, h("p", { cls: "state error", role: "alert" }, text, " ", h("button", { type: "button", onclick: () => this.ask(id).then((shown) => shown && this.marked()) }, t("retry"))));
      return false;
    }
    return true;
  }

  /** Draw the story; `whole` with its facts, else in short. */
  draw({ whole = false } = {}) {
    const { story } = this;
    const writing = document.activeElement === this.note;
    const others = (name, items) => items.length ? h("p", { cls: "facts" }, t(name), " ", items.map((e) => [this.link(e, `${moment(e.since)} ${episodeTitle(this.model, e)}`), " "])) : null;
    put(this.root, h("p", { cls: "sentence" }, said(story)),
      whole ? this.facts() : h("p", { cls: "facts" }, [story.good === null ? "" : t("goodShare", { share: percent(story.good) }), story.learning ? t("learningPoint") : ""].filter(Boolean).join(" · ")),
      this.parts(), others("similarEpisodes", story.similar), others("togetherEpisodes", story.together),
      this.model.may("alarm") ? this.marking() : null,
      story.marks.length ? h("ul", { cls: "marks", "aria-label": t("episodeMarks") }, story.marks.map((m) =>
        h("li", {}, `${moment(m.at)} ${m.actor} · ${verdict(m)}${m.note ? ` · ${m.note}` : ""}`))) : null);
    if (writing) this.note.focus();
  }

  facts() {
    const { story } = this;
    const { episode: e } = story;
    const facts = [
      [t("episodeKind"), said({ zh: story.kind_zh, en: story.kind_en })],
      [t("episodeBaseline"), said({ zh: story.baseline_zh, en: story.baseline_en })],
      [t("episodeFar"), story.deviation === null ? null : `${story.deviation > 0 ? "+" : "−"}${percent(Math.abs(story.deviation))}`],
      [t("episodeRare"), e.times > 1 ? t("oneOf", { n: number(e.times) }) : null],
      [t("episodeSince"), `${moment(e.since)} – ${e.until ? moment(e.until) : t("underWay")}`],
      [t("goodTime"), story.good === null ? null : percent(story.good)],
      [t("tenant"), story.tenant], [t("episodeLearning"), story.learning ? t("learningPoint") : null],
    ].filter(([, value]) => value);
    return h("dl", { cls: "facts-list" }, facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
  }

  /** What spoke for it, and how much: decades of rarity. */
  parts() {
    const { parts } = this.story;
    if (!parts.length) return null;
    return h("table", { cls: "plain-table parts" }, h("caption", {}, t("episodeParts")), h("tbody", {}, parts.map((part) => h("tr", {},
      h("th", { scope: "row" }, said(part)),
      h("td", { cls: "much" }, h("meter", { min: 0, max: RAREST, value: Math.min(part.rarity, RAREST), "aria-label": said(part) })),
      h("td", { cls: "number" }, t("oneOf", { n: number(part.times) }))))));
  }

  marking() {
    const held = this.story.episode.mark?.verdict;
    const button = (name, text) => h("button", { type: "button", "aria-pressed": String(held === name), onclick: () => this.mark(name, this.note.value) }, t(text));
    return h("div", { cls: "marking", role: "group", "aria-label": t("episodeMark") }, button("true", "episodeTrue"), button("false", "episodeFalse"), this.note);
  }

  async mark(name, note) {
    try {
      await post("/episodes/mark", { episode: this.story.episode.id, verdict: name, note });
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      toast(t("errorState", { why: why(problem) }));
      return;
    }
    this.note.value = "";
    await this.marked();
  }
}
