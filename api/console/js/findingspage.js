// Unusual values of a park, the newest first; and what people's marks propose, tried and made a rule from here.

import { get, post } from "./api.js";
import { Asked } from "./asked.js";
import { dialog, toast } from "./dialogs.js";
import { framed, h, put } from "./dom.js";
import { episodeRow, episodeTitle, said, toEpisode } from "./episode.js";
import { number } from "./format.js";
import { empty, Panel, why } from "./panel.js";
import { route, setQuery } from "./route.js";
import { place } from "./rows.js";
import { t } from "./texts.js";
import { ended, sideBySide, underWay } from "./tryout.js";
import { word, WORDS } from "./words.js";

const PAGE = 50;
const TRIED = 7; // days that a proposal is run over
// by the word in the address: what it says, and what is asked for
const STATES = {
  "": ["episodesAll", {}], standing: ["episodesStanding", { standing: true }], over: ["episodesOver", { standing: false }],
  unmarked: ["episodesUnmarked", { marked: false }], marked: ["episodesMarked", { marked: true }],
};

export class FindingsPage {
  constructor(model) {
    this.model = model;
    this.items = [];
    this.panel = new Panel("findings-list", t("episodes"));
    this.proposed = new Panel("proposals", t("proposals"));
    this.trial = h("div", { cls: "trial", role: "status" });
    this.root = h("div", { cls: "findings-page" }, this.proposed.root, this.panel.root);
    this.asked = new Asked({
      episodes: async () => {
        const page = await this.page("");
        [this.items, this.next] = [page.items, page.next];
      },
      proposals: async () => {
        const page = await get("/proposals", { park: model.park });
        [this.proposals, this.nextProposal] = [page.items, page.next];
      },
    }, () => this.redraw());
    this.redraw = framed(() => this.root.isConnected && this.draw());
    this.off = model.on((topic) => {
      if (topic === "refetched" || topic === "findings") this.asked.load("episodes");
      if (topic === "map" || topic === "latest") this.redraw();
    });
  }

  start() {
    this.draw();
    this.asked.load("episodes");
    this.asked.load("proposals");
  }

  close() {
    this.off();
    this.asked.close();
  }

  page(before) {
    const { query } = route();
    const [, wanted] = STATES[query.get("state") ?? ""] ?? STATES[""];
    return get("/episodes", { park: this.model.park, limit: PAGE, anomaly: query.get("anomaly") ?? "", ...wanted, before });
  }

  choose(changes) {
    setQuery(changes);
    this.asked.load("episodes");
  }

  draw() {
    this.drawList();
    this.drawProposals();
  }

  drawList() {
    if (!this.panel.ready(this.asked, ["episodes"])) return;
    const { query } = route();
    const select = (name, label, options) => h("select", { "aria-label": label, onchange: (event) => this.choose({ [name]: event.target.value }) },
      options.map(([value, text]) => h("option", { value, selected: value === (query.get(name) ?? "") }, text)));
    put(this.panel.beside, select("anomaly", t("episodeKind"), [["", t("anyKind")], ...Object.keys(WORDS.anomaly).map((kind) => [kind, word("anomaly", kind)])]), " ",
      select("state", t("firmState"), Object.entries(STATES).map(([state, [text]]) => [state, t(text)])));
    if (!this.items.length) return void put(this.panel.body, empty(t("noEpisodes")));
    put(this.panel.body, h("ul", { cls: "rows" }, this.items.map((e) => episodeRow(e,
      h("a", { href: toEpisode(this.model.park, e.id) }, episodeTitle(this.model, e)), [place(this.model, e.place, ""), " "]))),
    this.next ? h("button", { type: "button", onclick: () => this.more() }, t("loadMore")) : null);
  }

  async more() {
    const page = await this.page(this.next).catch((problem) => toast(t("errorState", { why: why(problem) })));
    if (!page) return;
    this.items.push(...page.items);
    this.next = page.next;
    this.redraw();
  }

  // ── what marks propose ─────────────────────────────────────────────────────────────────────────

  drawProposals() {
    if (!this.proposed.ready(this.asked, ["proposals"])) return;
    this.proposed.root.classList.toggle("quiet-panel", !this.proposals.length);
    const may = this.model.may("rules");
    put(this.proposed.body, this.proposals.length ? h("ul", { cls: "rows" }, this.proposals.map((p) => h("li", { cls: "row proposal" },
      h("span", { cls: "mark" }), h("p", { cls: "what" }, said(p), p.bar === null ? "" : h("span", { cls: "quiet" }, ` ${t("proposalNow", { n: number(p.bar) })}`)),
      may ? h("div", { cls: "when" }, h("button", { type: "button", onclick: () => this.tryOut(p) }, t("proposalTry", { n: TRIED })),
        h("button", { type: "button", onclick: () => this.apply(p) }, t("proposalApply"))) : null))) : empty(t("noProposals")),
    this.nextProposal ? h("button", { type: "button", onclick: () => this.moreProposals() }, t("loadMore")) : null, this.trial);
  }

  async moreProposals() {
    const page = await get("/proposals", { park: this.model.park, after: this.nextProposal }).catch((problem) => toast(t("errorState", { why: why(problem) })));
    if (!page) return;
    this.proposals.push(...page.items);
    this.nextProposal = page.next;
    this.redraw();
  }

  async tryOut(p) {
    try {
      const run = await post("/proposals/try", { park: this.model.park, points: [p.point], days: TRIED });
      const found = await ended(run, (told) => {
        put(this.trial, underWay(told, p.where));
        return !this.asked.closed;
      });
      if (found) put(this.trial, h("h3", {}, p.where), sideBySide(found));
    } catch (problem) {
      put(this.trial, h("p", { cls: "state error", role: "alert" }, why(problem)));
    }
  }

  async apply(p) {
    const reason = h("textarea", { name: "reason", required: true, maxlength: 500, rows: 3 });
    const done = await dialog(t("proposalApply"), [h("p", {}, said(p)), h("p", { cls: "quiet" }, t("rulesAbout"))], [{ label: t("whyNeeded"), input: reason }], {
      text: t("rulesSave"), run: (text) => post("/proposals/apply", { park: this.model.park, point: p.point, reason: text, version: p.version }),
      wrong: (problem) => (problem.status === 409 ? t("rulesOther", { why: why(problem) }) : undefined),
    });
    if (!done) return;
    toast(t("rulesSaved"));
    this.asked.load("proposals");
  }
}
