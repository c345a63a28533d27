// Somebody sees smoke or smells gas: told to the platform in two taps and a place.

import { post } from "./api.js";
import { dialog } from "./dialogs.js";
import { h } from "./dom.js";
import { note, placeField } from "./fields.js";
import { toPage } from "./route.js";
import { t } from "./texts.js";
import { word } from "./words.js";

/** A button for those who may raise an alarm; null for the others. */
export const reportButton = (model) => (model.may("alarm") ? h("button", { type: "button", cls: "loud", onclick: () => report(model) }, t("reportFire")) : null);

async function report(model) {
  const family = h("select", { name: "family" }, ["fire", "gas"].map((name) => h("option", { value: name }, word("family", name))));
  const place = placeField(model, "place");
  const seen = note("note", { required: true });
  await dialog(t("reportTitle"), h("p", { cls: "about critical" }, t("reportAbout")),
    [{ label: t("reportWhat"), input: family }, { label: t("reportWhere"), input: place }, { label: t("reportNote"), input: seen }], {
      text: t("reportDo"),
      run: async (what, where, text) => {
        const alarm = await post("/alarms", { family: what, park: model.park, place: Number(where), note: text });
        location.hash = toPage(model.park, "alarm", alarm.id);
      },
    });
}
