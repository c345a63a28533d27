// Unusual values of a unit: one sentence each; opened, why it was told, what was like it, and what people say of it.

import { get, Problem } from "./api.js";
import { h, put } from "./dom.js";
import { Episode, episodeRow, episodeTitle, toEpisode } from "./episode.js";
import { empty, Panel, why } from "./panel.js";
import { route, setQuery } from "./route.js";
import { t } from "./texts.js";

const LOOKED = 200, SHOWN = 12;

export class FindingsPanel {
  /** `changed` is called when the episodes are known, or others are: charts draw them. */
  constructor(model, unit, changed) {
    Object.assign(this, { model, unit, changed, items: [] });
    this.panel = new Panel("unit-findings", t("episodes"));
    this.root = this.panel.root;
    this.list = h("ul", { cls: "rows" });
    this.episode = new Episode(model, {
      link: (e, text) => h("button", { type: "button", cls: "flat", onclick: () => this.open(e.id) }, text),
      marked: () => this.load(),
    });
  }

  close() {
    this.closed = true;
    this.episode.close();
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
    return put(this.panel.body, this.list, this.episode.root);
  }

  row(e) {
    const open = this.episode.story?.episode.id === e.id;
    return episodeRow(e, h("button", { type: "button", cls: "flat said", "aria-expanded": String(open), onclick: () => this.open(open ? null : e.id) }, episodeTitle(this.model, e)));
  }

  /** Tell why an episode was told; null closes it. The address names it, so that it can be sent. */
  async open(id, here = true) {
    if (here) setQuery({ episode: id });
    const shown = await this.episode.ask(id);
    if (this.closed || (!shown && id)) return;
    if (shown) {
      this.draw();
      this.episode.draw();
      this.episode.root.append(h("p", {}, h("a", { href: toEpisode(this.model.park, id) }, t("episodeOpen"))));
    } else if (here) this.draw();
  }
}
