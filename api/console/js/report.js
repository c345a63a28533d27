// Somebody sees smoke or smells gas: told to the platform in two taps and a place.

import { post } from "./api.js";
import { dialog } from "./dialogs.js";
import { h } from "./dom.js";
import { toPage } from "./route.js";
import { t } from "./texts.js";
import { word } from "./words.js";

/** A button for those who may raise an alarm; null for the others. */
export const reportButton = (model) => (model.may("alarm") ? h("button", { type: "button", cls: "loud", onclick: () => report(model) }, t("reportFire")) : null);

async function report(model) {
  const family = h("select", { name: "family" }, ["fire", "gas"].map((name) => h("option", { value: name }, word("family", name))));
  const place = h("select", { name: "place" }, h("option", { value: model.park }, t("wholePark")),
    [...model.buildings.values()].map((building) => h("optgroup", { label: building.name },
      h("option", { value: building.id }, building.name), [...model.units.values()].filter((unit) => unit.building === building.id).map((unit) =>
        h("option", { value: unit.id }, unit.tenant ? `${unit.name} ${unit.tenant.name}` : unit.name)))));
  const note = h("textarea", { name: "note", required: true, maxlength: 2_000, rows: 3 });
  await dialog(t("reportTitle"), h("p", { cls: "about critical" }, t("reportAbout")),
    [{ label: t("reportWhat"), input: family }, { label: t("reportWhere"), input: place }, { label: t("reportNote"), input: note }], {
      text: t("reportDo"),
      run: async (what, where, text) => {
        const alarm = await post("/alarms", { family: what, park: model.park, place: Number(where), note: text });
        location.hash = toPage(model.park, "alarm", alarm.id);
      },
    });
}
