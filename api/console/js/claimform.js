// Saying what a waiting device is: where it stands, of what kind, and what its values mean where its dialect does not say.

import { post } from "./api.js";
import { dialog } from "./dialogs.js";
import { h } from "./dom.js";
import { choice, placeField, rowsOf, whole, words } from "./fields.js";
import { metricText, whereText } from "./say.js";
import { t } from "./texts.js";
import { codesOf, word } from "./words.js";

const DEPTH = 4; // levels of a payload that are looked into for names of values

/** Names of values that a payload may hold: {"values":{"power":1}} gives values.power and power. */
export function namesIn(text) {
  const found = new Set();
  const walk = (thing, path) => {
    if (path.length > DEPTH || typeof thing !== "object" || thing === null || Array.isArray(thing)) return;
    for (const [name, value] of Object.entries(thing)) {
      if (typeof value === "object") walk(value, [...path, name]);
      else if (!["ts", "time", "timestamp"].includes(name)) found.add(name).add([...path, name].join("."));
    }
  };
  try {
    walk(JSON.parse(text ?? ""), []);
  } catch {
    return []; // it is no JSON: a person writes the names
  }
  return [...found];
}

/** Ask what a waiting device is; resolves true once it is ours. */
export async function claimForm(model, device) {
  await model.settled; // names of places, gateways and quantities
  const names = h("datalist", { id: "source-keys" }, namesIn(device.text).map((name) => h("option", { value: name })));
  const metrics = [...model.metrics.values()].map((metric) => [metric.name, `${metricText(metric)} (${metric.unit || metric.name})`]);
  const gateways = [[0, "—"], ...[...model.devices.values()].filter((d) => d.kind === "gateway").map((d) => [d.device, `${whereText(model, d.place)} ${d.name}`])];
  const points = rowsOf([], (point) => {
    const source = words("source_key", point?.source_key ?? "", { required: true, maxlength: 300, list: "source-keys", "aria-label": t("sourceKey"), placeholder: t("sourceKey") });
    const metric = choice("metric", metrics, point?.metric, { "aria-label": t("metric") });
    const scale = h("input", { type: "number", step: "any", name: "scale", value: 1, required: true, "aria-label": t("scale") });
    const channel = words("channel", "", { maxlength: 32, "aria-label": t("phase"), placeholder: t("phase") });
    return { element: h("div", { cls: "field-row" }, source, metric, channel, scale), value: () => ({ source_key: source.value.trim(), metric: metric.value, channel: channel.value.trim(), scale: Number(scale.value) }) };
  }, t("addPoint"), { most: 500 });
  return dialog(t("claimTitle", { key: device.device_key }), [h("p", {}, t("claimAbout")), names], [
    { label: t("kindField"), input: choice("kind", codesOf("kind").map((name) => [name, word("kind", name)])), hint: t("kindHint") }, { label: t("placeField"), input: placeField(model, "place", model.park) },
    { label: t("nameField"), input: words("name") }, { label: t("gatewayField"), input: choice("gateway", gateways) }, { label: t("intervalField"), input: whole("interval", 60, 1, 86_400) }, { label: t("pointsField"), group: points.element, hint: t("pointsHint") },
  ], {
    text: t("claim"),
    run: (kind, place, name, gateway, seconds) => post("/waiting/claim", { device_key: device.device_key, park: model.park, place: Number(place), kind, name, gateway: Number(gateway), interval: Number(seconds) * 1_000,
      points: points.rows().map((point) => ({ ...point, interval: Number(seconds) * 1_000 })) }),
  }, { wide: true });
}
