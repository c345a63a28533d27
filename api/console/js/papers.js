// Papers of an enterprise: what is on file, a new one, one taken back. What they explain is judged again by the platform.

import { get, post } from "./api.js";
import { dialog, sure, toast } from "./dialogs.js";
import { h, put } from "./dom.js";
import { dayField, note, option, renew } from "./fields.js";
import { moment } from "./format.js";
import { empty, Panel } from "./panel.js";
import { Parts } from "./parts.js";
import { t } from "./texts.js";
import { dayOf } from "./times.js";
import { word } from "./words.js";

// explain silence, or speak for a suspicion (park.records.EXPLAINS)
const KINDS = [["papersExplain", ["supply_pause", "filed_suspension", "holiday"]], ["papersSpeak", ["return_missing", "return_zero", "rent_arrears", "no_tax", "no_insurance"]]];

export class Papers {
  /** `judged` is called after a change: days may be judged again. */
  constructor(model, judged) {
    Object.assign(this, { model, judged });
    this.firm = 0;
    this.panel = new Panel("firm-papers", t("papers"));
    this.root = this.panel.root;
    this.root.hidden = true;
    this.parts = new Parts(model, this.root, { papers: async () => (this.firm ? get(`/enterprises/${this.firm}/papers`) : []) }, () => this.draw());
  }

  show(firm, name = "") {
    this.name = name;
    this.root.hidden = !firm;
    if (this.firm === firm) return;
    this.firm = firm;
    if (firm && !this.begun) this.parts.start();
    else if (firm) this.parts.load();
    this.begun ||= Boolean(firm);
  }

  close() {
    this.parts.close();
  }

  draw() {
    const may = this.model.may("act");
    put(this.panel.beside, h("span", { cls: "quiet" }, this.name), may ? h("button", { type: "button", onclick: () => this.file() }, t("filePaper")) : null);
    if (!this.panel.ready(this.parts.asked, ["papers"])) return;
    const { papers } = this.parts.held;
    renew(this.panel.body, papers.length ? h("ul", { cls: "rows" }, papers.map((paper) => h("li", { cls: `row paper ${paper.withdrawn ? "withdrawn" : ""}` },
      h("span", { cls: "mark" }, word("paper", paper.kind)), h("div", { cls: "said" }, h("p", { cls: "what" }, `${paper.begin} – ${paper.end}`, paper.withdrawn ? h("span", { cls: "tag" }, `${t("withdrawn")} ${paper.withdrawn_by} ${moment(paper.withdrawn)}`) : null),
        h("p", { cls: "facts" }, [paper.note, `${paper.actor} ${moment(paper.at)}`].filter(Boolean).join(" · "))),
      h("div", { cls: "when" }, may && !paper.withdrawn ? h("button", { type: "button", onclick: () => this.withdraw(paper) }, t("takeBack")) : null)))) : empty(t("noPapers")));
  }

  async file() {
    const begin = dayField("begin", dayOf(), { required: true }), end = dayField("end", dayOf(), { required: true });
    begin.addEventListener("change", () => {
      end.min = begin.value;
      if (end.value < begin.value) end.value = begin.value;
    });
    const kind = h("select", { name: "kind" }, KINDS.map(([group, kinds]) => h("optgroup", { label: t(group) }, kinds.map((name) => option(name, word("paper", name))))));
    const done = await dialog(t("filePaper"), h("p", {}, t("filePaperAbout", { name: this.name })), [{ label: t("paperKind"), input: kind }, { label: t("firstDay"), input: begin }, { label: t("lastDayIncluded"), input: end }, { label: t("whyFree"), input: note("note", { most: 500 }) }], {
      text: t("filePaperDo"), run: (what, first, last, text) => post(`/enterprises/${this.firm}/papers`, { kind: what, begin: first, end: last, note: text }),
    });
    this.after(done, t("paperFiled"));
  }

  async withdraw(paper) {
    const text = t("takeBackAbout", { what: `${word("paper", paper.kind)} ${paper.begin} – ${paper.end}` });
    this.after(await sure(t("takeBack"), text, t("takeBack"), () => post(`/enterprises/${this.firm}/papers/withdraw`, { paper: paper.id })), t("paperTaken"));
  }

  after(done, said) {
    if (done) {
      toast(said);
      this.judged();
    }
    this.parts.load();
  }
}
