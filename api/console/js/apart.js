// Fire devices into test or maintenance, until a time, and back: who does it, and why, is asked each time.

import { all, post, Problem } from "./api.js";
import { dialog, toast } from "./dialogs.js";
import { h } from "./dom.js";
import { choice, deviceName, note, several } from "./fields.js";
import { moment, now } from "./format.js";
import { whereText, deviceText } from "./say.js";
import { t } from "./texts.js";
import { word } from "./words.js";

const HOUR = 3_600_000;
const LASTS = [1, 2, 4, 8, 24, 72, 168]; // hours; the platform takes seven days at most

/** Detectors that are at work; those that are apart already are on the list, and a gateway has no alarm. */
async function atWork(model) {
  const found = await all("/devices", { park: model.park, lane: "life", state: "active" });
  return found.filter((d) => d.mode === "normal" && d.kind !== "gateway").sort((a, b) => a.place - b.place || a.kind.localeCompare(b.kind));
}

/** Ask which devices, for how long and why; true once all are set. */
export async function setApart(model) {
  await model.settled; // names of places
  const life = await atWork(model);
  const building = (d) => model.buildings.get(model.units.get(model.unitOf(d.place))?.building ?? d.place)?.name ?? model.map.name;
  const devices = several("devices", life.map((d) => [d.id, `${whereText(model, d.place)} ${deviceText(model, d)}`, building(d)]));
  const mode = choice("mode", ["test", "maintenance"].map((name) => [name, word("mode", name)]));
  const hours = choice("hours", LASTS.map((n) => [n, n < 24 ? t("nHours", { n }) : t("nDays", { n: n / 24 })]));
  const reason = note("reason", { required: true, rows: 2, most: 500 });
  const set = new Set(); // what was set before something went wrong is not set again
  return dialog(t("apartTitle"), h("p", { cls: "about critical" }, t("apartAbout")), [
    { label: t("modeField"), input: mode }, { label: t("lastsField"), input: hours }, { label: t("whyNeeded"), input: reason },
    { label: t("deviceField"), group: life.length ? devices.element : h("p", { cls: "quiet" }, t("noLifeDevices")) },
  ], {
    text: t("apartDo"), wrong: () => (devices.values().length ? undefined : t("chooseDevices")),
    run: async () => {
      if (!devices.values().length) throw new Problem(422, "no device is chosen");
      const until = Math.ceil(now()) + Number(hours.value) * HOUR;
      for (const id of devices.values().filter((one) => !set.has(one))) {
        await post(`/devices/${id}/mode`, { mode: mode.value, reason: reason.value.trim(), until });
        set.add(id);
      }
      toast(t("apartDone", { n: set.size, at: moment(until) }));
    },
  }, { wide: true });
}

/** Ask why one is normal again; true once it is. */
export async function putBack(model, device) {
  const reason = note("reason", { value: t("putBackWhy"), required: true, rows: 2, most: 500 });
  return dialog(t("putBack"), [h("p", { cls: "about" }, deviceName(model, device)), h("p", {}, t("putBackAbout"))], [{ label: t("whyNeeded"), input: reason }], {
    text: t("putBack"), run: (text) => post(`/devices/${device}/mode`, { mode: "normal", reason: text, until: 0 }),
  });
}
