// @ts-check
/** The switch for notices in this browser. */

import { h } from "../lib/dom.js";
import { attempt, tell } from "../lib/messages.js";
import { NotAllowed, canPush, isBlocked, turnOff, turnOn, wantedHere } from "../lib/push.js";
import { tick } from "./parts.js";

const BLOCKED = "Your browser blocks notices of this page. Allow them in its settings, then turn this on.";
const NOT_HERE = "This browser cannot notify you while the page is closed. On an iPhone or iPad, add the page to the home screen first.";

/** Off until somebody turns it on, and the browser asks them too. */
export function noticesForm() {
  const form = h("section", { class: "form", "data-testid": "notices" }, h("h3", {}, "Notify me"));
  if (!canPush()) {
    form.append(h("p", {}, NOT_HERE));
    return form;
  }
  const kept = wantedHere();
  const on = h("input", { type: "checkbox", role: "switch", checked: kept !== null, "data-testid": "push" });
  const reminders = h("input", { type: "checkbox", checked: kept?.reminders ?? true, "data-testid": "push-reminders" });
  const live = h("input", { type: "checkbox", checked: kept?.live ?? true, "data-testid": "push-live" });
  const what = h("div", { class: "form", hidden: kept === null },
    tick("When a Space is due that I want to be reminded of", reminders),
    tick("When somebody I follow goes live", live));
  const status = h("small", { role: "status", "data-testid": "push-status" }, isBlocked() ? BLOCKED : "");
  const put = async () => {
    const before = wantedHere();
    for (const box of [on, reminders, live]) box.disabled = true;
    status.textContent = "";
    try {
      if (on.checked) await turnOn({ reminders: reminders.checked, live: live.checked });
      else await turnOff();
    } catch (error) {
      if (!(error instanceof NotAllowed)) throw error;
      status.textContent = BLOCKED;
    } finally {
      const now = wantedHere();
      on.checked = now !== null;
      what.hidden = now === null;
      for (const box of [on, reminders, live]) box.disabled = false;
      if (now && !before) tell("You will be notified in this browser.");
    }
  };
  for (const box of [on, reminders, live]) box.addEventListener("change", () => attempt(put));
  form.append(tick("In this browser, also while the page is closed", on), what, status);
  return form;
}
