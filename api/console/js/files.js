// Photographs and papers of a thing: shown small, given out as files, added from a phone's camera. One panel for all.

import { get, Problem, send } from "./api.js";
import { toast } from "./dialogs.js";
import { h, put } from "./dom.js";
import { moment } from "./format.js";
import { empty, Panel, why } from "./panel.js";
import { small } from "./photo.js";
import { t } from "./texts.js";

export const TAKEN = "image/jpeg,image/png,image/webp,application/pdf,text/plain";
const MOST = 5 << 20; // bytes, as the platform takes them

/** Send a file to a thing; a photograph larger than a page needs is made smaller first. Raises Problem. */
export async function attach(path, file, name = file.name) {
  const sent = await small(file);
  if (sent.size > MOST) throw new Problem(413, t("fileTooLarge"));
  return send(`${path}/attachments`, { name }, sent);
}

export class Files {
  /** `path` of the thing in the API; `done` is called after a file was added. */
  constructor(path, { may, done = () => {} }) {
    Object.assign(this, { path, may, done });
    this.panel = new Panel("files", t("files"));
    this.root = this.panel.root;
    this.files = [];
    // Made once: a photograph is taken for minutes, while the page is drawn anew.
    const input = h("input", { type: "file", accept: TAKEN, cls: "unseen", id: "attach", onchange: () => input.files[0] && this.add(input.files[0]) });
    this.picker = [input, h("label", { for: "attach", cls: "button" }, t("attach"))];
  }

  async load() {
    this.files = (await get(`${this.path}/attachments`)).items;
    return this.files;
  }

  draw() {
    if (this.may && !this.picker[0].isConnected) put(this.panel.beside, this.picker);
    put(this.panel.body, this.files.length ? h("ul", { cls: "file-list" }, this.files.map((file) => this.line(file))) : empty(t("noFiles")));
  }

  line(file) {
    const address = `/api/v1${this.path}/attachments/${file.id}`;
    const picture = file.media_type.startsWith("image/") ? h("img", { src: address, alt: "", loading: "lazy" }) : null;
    return h("li", {}, h("a", { href: address, download: file.name }, picture, file.name), h("span", { cls: "quiet" }, ` ${Math.ceil(file.size / 1024)} KiB · ${file.actor} · ${moment(file.at)}`));
  }

  async add(file) {
    try {
      await attach(this.path, file);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      toast(t("failed", { what: file.name, why: why(problem) }), "wrong");
    }
    this.done();
  }
}
