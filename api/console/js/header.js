// The header: where we are, whether it is live, what time it is there, how many alarms stand.

import { leave } from "./api.js";
import { h, put, shape } from "./dom.js";
import { age, clock, dateText, hourMinute, inList, now, zoneText } from "./format.js";
import { SEVERITIES } from "./model.js";
import { route, setQuery, toPage, toPark } from "./route.js";
import { here as atPage, seen } from "./sections.js";
import { lang, remember, setLang, t } from "./texts.js";
import { word } from "./words.js";

export class Header {
  constructor(root, notice) {
    this.root = root;
    this.notice = notice;
    this.trail = h("nav", { cls: "trail" });
    this.nav = h("nav", { cls: "pages" });
    this.below = h("nav", { cls: "pages below" });
    this.counts = h("div", { cls: "counts", role: "group" });
    this.apart = h("a", { cls: "apart-note", hidden: true });
    this.line = h("div", { cls: "line connecting", role: "status" });
    this.time = h("time", { cls: "park-time" });
    this.language = h("button", { type: "button", cls: "flat", onclick: () => this.switchLanguage() });
    this.theme = h("button", { type: "button", cls: "flat", onclick: switchTheme });
    this.out = h("button", { type: "button", cls: "flat", hidden: true, onclick: () => leave().then(() => location.reload()) });
    put(root, this.trail, this.nav, this.counts, this.apart, h("div", { cls: "right" }, this.line, this.time, this.language, this.theme, this.out), this.below);
  }

  draw({ parks, model, live, onLanguage }) {
    this.onLanguage = onLanguage;
    this.model = model;
    this.live = live;
    const { unit } = route();
    const here = model?.units.get(unit);
    const map = model?.map;
    this.trail.setAttribute("aria-label", t("trail"));
    const park = parks.length > 1
      ? h("select", { "aria-label": t("wholePark"), onchange: (event) => (location.hash = toPark(event.target.value)) },
          parks.map((p) => h("option", { value: p.id, selected: p.id === model?.park }, p.name)))
      : h("a", { href: model ? toPark(model.park) : "#", "aria-current": here ? null : "page" }, map?.name ?? parks[0]?.name ?? t("title"));
    const building = here ? model.buildings.get(here.building) : null;
    put(this.trail, h("h1", {}, park), here ? [h("span", { cls: "sep", "aria-hidden": "true" }, "›"), h("span", {}, building.name),
      h("span", { cls: "sep", "aria-hidden": "true" }, "›"), h("span", { "aria-current": "page" }, here.name)] : null);
    this.drawPages();
    this.language.textContent = t("language");
    this.language.setAttribute("aria-label", t("languageAbout"));
    this.language.lang = lang() === "zh" ? "en" : "zh-CN";
    this.theme.textContent = t("theme");
    this.out.textContent = t("signOut");
    this.out.hidden = !model?.session.keys_required;
    this.drawCounts();
    this.drawApart();
    this.drawLine();
  }

  /** What is set apart calls nobody: said on every page, with the way to who set it apart, and until when. */
  drawApart() {
    const some = this.model?.apart() ?? [];
    this.apart.hidden = !some.length;
    if (!some.length) return;
    this.apart.href = toPage(this.model.park, "hidden");
    this.apart.textContent = t("apartNow", { n: some.length });
    this.apart.title = inList(some.map((d) => d.name));
  }

  /** Two rows: groups, and the pages of the group that we are in. */
  drawPages() {
    const { model } = this;
    this.nav.setAttribute("aria-label", t("pages"));
    if (!model) {
      put(this.nav);
      put(this.below);
      return;
    }
    const at = atPage();
    const address = (name) => (name === "park" ? toPark(model.park) : toPage(model.park, name));
    const sections = seen(model);
    const present = sections.find(({ pages }) => pages.some(({ name }) => name === at));
    put(this.nav, sections.map((section) => h("a", { href: address(section.pages[0].name), "aria-current": section === present ? "page" : null }, t(section.text))));
    this.below.hidden = !present || present.pages.length < 2;
    this.below.setAttribute("aria-label", present ? t("pagesOf", { name: t(present.text) }) : "");
    put(this.below, present?.pages.map(({ name, text }) => h("a", { href: address(name), "aria-current": name === at ? "page" : null }, t(text))) ?? []);
  }

  drawCounts() {
    const standing = this.model?.standing() ?? [];
    const chosen = route().query.get("severity");
    this.counts.setAttribute("aria-label", t("severityCounts"));
    put(this.counts, SEVERITIES.map((severity) => {
      const n = standing.filter((c) => c.severity === severity).length;
      return h("button", { type: "button", cls: `count ${severity} ${n ? "some" : "none"}`, "aria-pressed": String(chosen === severity),
        title: t("onlySeverity", { severity: word("severity", severity) }),
        onclick: () => {
          setQuery({ severity: chosen === severity ? null : severity });
          this.drawCounts();
          this.model.tell("conditions");
        } }, shape(severity), word("severity", severity), h("b", {}, String(n)));
    }));
    const worst = standing[0];
    const name = this.model?.map?.name ?? t("title");
    document.title = standing.length ? `(${standing.length}) ${worst.rule === "fire.confirmed" ? `${word("rule", worst.rule)} · ` : ""}${name}` : name;
  }

  drawLine() {
    const state = this.live?.state ?? "connecting";
    const since = this.live?.since;
    this.line.className = `line ${state}`;
    put(this.line, h("i", { "aria-hidden": "true" }), t(state === "stopped" ? "connecting" : state), since ? h("span", { cls: "quiet" }, ` ${t("since", { at: hourMinute(since) })}`) : null);
    document.body.classList.toggle("lost", state === "lost");
    this.drawNotice();
  }

  drawNotice() {
    if (this.live?.state !== "lost") return put(this.notice);
    if (this.notice.dataset.since !== String(this.live.since)) {
      this.notice.dataset.since = this.live.since;
    }
    return put(this.notice, h("p", { cls: "notice" }, t("lostNotice", { at: clock(this.live.since), age: age(now() - this.live.since) })));
  }

  /** Once a second. */
  tick() {
    const at = now();
    this.time.setAttribute("datetime", new Date(at).toISOString());
    this.time.title = `${t("parkTime")}, ${zoneText()}`;
    put(this.time, h("span", { cls: "date" }, `${dateText(at)} `), h("b", {}, clock(at)), h("span", { cls: "quiet" }, ` ${zoneText()}`));
  }

  switchLanguage() {
    setLang(lang() === "zh" ? "en" : "zh");
    const address = new URL(location.href);
    address.searchParams.delete("lang"); // the button wins over the address from here on
    history.replaceState(null, "", address);
    this.onLanguage();
  }
}

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  remember("theme", root.dataset.theme);
  document.dispatchEvent(new Event("themechange"));
}
