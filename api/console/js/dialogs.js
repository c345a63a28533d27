// The few things that ask a person: a key, a reason.

import { Problem, post } from "./api.js";
import { h } from "./dom.js";
import { why } from "./panel.js";
import { conditionText } from "./say.js";
import { t } from "./texts.js";

/**
 * Ask for some fields and do something with them; resolves true once done, false when cancelled.
 * `fields`: [{label, input, hint}], or [{label, group}] where several inputs stand under one label; `act`: {text,
 * run(values), wrong(problem)}. What goes wrong is told in the dialog.
 */
export function dialog(title, about, fields, act, { cancel = true, wide = false } = {}) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const wrong = h("p", { cls: "wrong", role: "alert", hidden: true });
    const button = h("button", { type: "submit", cls: "primary" }, act.text);
    const form = h("form", { method: "dialog", onsubmit: submit },
      h("h2", { id: "dialog-title" }, title.replace(/…$/u, "")), about, fields.map(fieldOf), wrong,
      h("div", { cls: "buttons" }, cancel ? h("button", { type: "button", onclick: () => done(false) }, t("cancel")) : null, button));
    const element = h("dialog", { cls: wide ? "wide" : null, "aria-labelledby": "dialog-title", oncancel: (event) => (cancel ? done(false) : event.preventDefault()) }, form);
    const first = fields[0]?.input ?? button;
    function done(value) {
      element.close();
      element.remove();
      if (before?.isConnected) before.focus({ preventScroll: true });
      resolve(value);
    }
    async function submit(event) {
      event.preventDefault();
      button.disabled = true;
      try {
        await act.run(...fields.filter(({ input }) => input).map(({ input }) => (input.type === "checkbox" ? input.checked : input.value.trim())));
        done(true);
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        wrong.textContent = act.wrong?.(problem) ?? why(problem);
        wrong.hidden = false;
        first.focus();
      } finally {
        button.disabled = false;
      }
    }
    document.body.append(element);
    element.showModal();
    first.focus();
  });
}

function fieldOf({ label, input, hint, group }) {
  const said = hint ? h("span", { cls: "quiet" }, hint) : null;
  if (group) return h("fieldset", {}, h("legend", {}, label), group, said);
  return h("label", { cls: input.type === "checkbox" ? "box" : null }, input.type === "checkbox" ? [input, h("span", {}, label)] : [label, input], said);
}

/** Ask whether something is meant, and do it. */
export const sure = (title, text, act, run) => dialog(title, h("p", {}, text), [], { text: act, run });

/** Do something; true where it was done, else a person is told why not. */
export async function tried(what, run) {
  try {
    await run();
    return true;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    toast(t("failed", { what, why: why(problem) }), "wrong");
    return false;
  }
}

/** Ask for a key until there is a session. */
export function askKey() {
  const input = h("input", { type: "password", name: "key", required: true, maxlength: 200, autocomplete: "current-password" });
  return dialog(t("signInTitle"), h("p", {}, t("signInAbout")), [{ label: t("key"), input }], {
    text: t("signIn"),
    run: (key) => post("/session", { key }, { quiet: true }),
    wrong: (problem) => (problem.status === 401 ? t("wrongKey") : undefined),
  }, { cancel: false });
}

/** Ask why a latched alarm is reset, and reset it. */
export async function askReset(model, condition) {
  const input = h("textarea", { name: "reason", required: true, maxlength: 500, rows: 3 });
  const about = [h("p", { cls: `about ${condition.severity}` }, conditionText(model, condition)), h("p", {}, t("resetAbout"))];
  const done = await dialog(t("resetTitle"), about, [{ label: t("resetReason"), input }], {
    text: t("resetDo"),
    run: (reason) => post("/conditions/reset", { condition: condition.id, reason }),
  });
  if (done) toast(t("resetDone"));
}

/** Say something for a while. */
export function toast(text, cls = "") {
  const element = h("p", { cls: `toast ${cls}`, role: cls ? "alert" : "status" }, text);
  document.body.append(element);
  setTimeout(() => element.remove(), 6_000);
}
