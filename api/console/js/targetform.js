// The form of a receiver. What it keeps secret is never shown: left empty, it stays as it is.

import { post, Problem, replace } from "./api.js";
import { dialog } from "./dialogs.js";
import { h, put } from "./dom.js";
import { choice, note, tick, whole, words } from "./fields.js";
import { parkZone } from "./format.js";
import { why } from "./panel.js";
import { t } from "./texts.js";
import { clockText, minuteOf } from "./times.js";
import { word } from "./words.js";

const CHANNELS = ["dingtalk", "wecom", "feishu", "webhook", "alertmanager", "sms", "voice", "email", "sounder"];
const MANY = new Set(["sms", "voice", "email"]); // these speak to addresses; the others are one receiver
const BEGINS = { email: "smtps://", sounder: "mqtt:…?state=…" };
const SETTLE = 400; // ms after the last letter before a text is tried

/** Ask for a receiver; resolves true once kept. */
export function targetForm(model, old) {
  const channel = choice("channel", CHANNELS.map((name) => [name, word("channel", name)]), old?.channel);
  const url = h("input", { name: "url", maxlength: 2_000, autocomplete: "off", required: !old, spellcheck: "false" });
  const secret = h("input", { type: "password", name: "secret", maxlength: 500, autocomplete: "new-password" });
  const noSecret = tick("no_secret");
  const addresses = note("addresses", { value: old?.addresses.join("\n") ?? "", rows: 2 });
  const from = h("input", { type: "time", name: "quiet_from", value: clockText(old?.quiet[0] ?? 0) }), to = h("input", { type: "time", name: "quiet_to", value: clockText(old?.quiet[1] ?? 0) });
  const template = note("template", { value: old?.template ?? "", rows: 4, most: 4_000, spellcheck: "false" });
  const shown = h("div", { cls: "preview", role: "status" });
  const language = choice("language", ["zh", "en"].map((name) => [name, word("language", name)]), old?.language);
  const fit = () => {
    addresses.closest("label")?.toggleAttribute("hidden", !MANY.has(channel.value));
    url.placeholder = old && channel.value === old.channel ? t("stays", { what: old.url }) : BEGINS[channel.value] ?? "https://";
    secret.placeholder = old?.signed ? t("staysSecret") : "";
  };
  let timer = 0;
  const look = () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      try {
        const { title, text } = await post("/targets/preview", { template: template.value, channel: channel.value, language: language.value });
        put(shown, h("strong", {}, title), h("pre", {}, text));
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        put(shown, h("span", { cls: "wrong" }, why(problem)));
      }
    }, SETTLE);
  };
  channel.addEventListener("change", () => { fit(); look(); });
  template.addEventListener("input", look);
  language.addEventListener("change", look);
  const asked = dialog(t(old ? "changeReceiver" : "newReceiver"), h("p", {}, t("receiverAbout")), [
    { label: t("receiverName"), input: words("name", old?.name ?? "", { required: true, maxlength: 64, pattern: "[a-z0-9][a-z0-9_.\\-]{0,63}" }), hint: t("receiverNameHint") }, { label: t("channelField"), input: channel },
    { label: t("addressField"), input: url }, { label: t("secretField"), input: secret, hint: t("secretHint") }, ...(old?.signed ? [{ label: t("dropSecret"), input: noSecret }] : []),
    { label: t("addressesField"), input: addresses, hint: t("addressesHint") }, { label: t("leastField"), input: choice("least", ["low", "medium", "high", "critical"].map((name) => [name, word("severity", name)]), old?.least), hint: t("leastHint") },
    { label: t("broadcastField"), input: tick("broadcast", old?.broadcast ?? true) }, { label: t("enabledField"), input: tick("enabled", old?.enabled ?? true) }, { label: t("rateField"), input: whole("rate", old?.rate ?? 20, 1, 6_000), hint: t("rateHint") },
    { label: t("quietField"), group: h("div", { cls: "field-row" }, from, "–", to), hint: t("quietHint") }, { label: t("language_"), input: language }, { label: t("templateField"), input: template, hint: shown },
  ], {
    text: t("keep"),
    run: () => {
      const value = (name) => channel.form.elements[name];
      const body = {
        name: value("name").value.trim(), channel: channel.value, language: language.value, park: old?.park ?? model.park, least: value("least").value, broadcast: value("broadcast").checked, enabled: value("enabled").checked,
        rate: Number(value("rate").value), quiet: [minuteOf(from.value || "00:00"), minuteOf(to.value || "00:00")], timezone: old?.timezone ?? parkZone(), template: template.value, version: old?.version ?? 0,
        addresses: MANY.has(channel.value) ? addresses.value.split(/[\n,，;；]/).map((line) => line.trim()).filter(Boolean) : [],
      };
      if (url.value.trim()) body.url = url.value.trim();
      if (secret.value) body.secret = secret.value;
      else if (noSecret.checked) body.secret = "";
      return old ? replace(`/targets/${old.id}`, body) : post("/targets", body);
    },
  }, { wide: true });
  fit();
  look();
  return asked.finally(() => clearTimeout(timer));
}
