// The seven feeds: whether each lives, how new its newest word is, and how its last day went.

import { h, put, spark } from "./dom.js";
import { age, amount, hourMinute, now } from "./format.js";
import { instead } from "./panel.js";
import { metricText } from "./say.js";
import { t } from "./texts.js";
import { word } from "./words.js";

const FEEDS = ["energy", "water", "people", "vehicles", "environment", "fire", "production"];

export class Tiles {
  constructor(model) {
    this.model = model;
    this.root = h("section", { cls: "tiles", "aria-label": t("feeds") });
  }

  draw() {
    const other = instead(this.model, ["freshness"]);
    if (other) return put(this.root, other);
    const trends = new Map((this.model.trends?.trends ?? []).map((trend) => [trend.feed, trend]));
    const feeds = new Map(this.model.freshness.feeds.map((feed) => [feed.feed, feed]));
    return put(this.root, FEEDS.map((feed) => this.tile(feed, feeds.get(feed), trends.get(feed))));
  }

  tile(feed, state, trend) {
    const absent = !state || state.state === "absent";
    return h("article", { cls: `tile ${state?.state ?? "absent"}`, "aria-label": word("feed", feed) },
      h("div", { cls: "tile-head" }, h("h3", {}, word("feed", feed)), h("span", { cls: `feed-state ${state?.state ?? "absent"}` }, word("feedState", state?.state ?? "absent"))),
      absent ? h("p", { cls: "quiet" }, t("noPoints")) : [
        trend ? this.trend(trend) : this.awaited() ? h("div", { cls: "skeleton", role: "status", "aria-label": t("loading") }) : h("p", { cls: "tile-value" }, "—"),
        h("p", { cls: "tile-foot" },
          h("span", {}, t("newest"), " ", state.received ? h("span", { cls: "age", data: { age: state.received } }, age(now() - state.received)) : "—"),
          h("span", { title: t("liveOfTotal", state) }, `${state.live}/${state.total}`))]);
  }

  /** Whether its days are still on their way. */
  awaited() {
    return !this.model.loaded.has("trends") && !this.model.problems.has("trends");
  }

  /** The newest whole hour that anybody spoke in, against the same hour of the day before; behind it the last 24. */
  trend(trend) {
    const day = trend.value.slice(-24), before = trend.value.slice(-48, -24);
    const at = day.findLastIndex((value) => value !== null); // some detectors speak a few times a day only
    const last = day[at] ?? null, then = before[at] ?? null;
    const hours = day.length - 1 - at, { start, step } = this.model.trends;
    const when = at < 0 || !hours ? t("lastHour") : t("hourFrom", { time: hourMinute(start + (trend.value.length - 1 - hours) * step) });
    const name = metricText(trend);
    return [
      h("p", { cls: "tile-value", title: `${name}, ${when}` }, amount(last, trend.unit), h("span", { cls: "tile-what" }, `${name} · ${when}`)),
      h("div", { cls: "tile-spark", title: t("trendAbout"), role: "img", "aria-label": `${name}, ${t("trendAbout")}` }, spark(day, before)),
      h("p", { cls: "tile-then" }, t("versusYesterday", { value: amount(then, trend.unit) })),
    ];
  }
}
