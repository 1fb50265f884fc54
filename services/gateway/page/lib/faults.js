// @ts-check
/** What is wrong with what somebody filled in, shown beside the field that it is about. */

import { h } from "./dom.js";

/** @import { Problem } from "./api.js" */

let made = 0;

/**
 * Shows a problem inside a sheet: what the API says of a field below the control that has this field's name, anything
 * else at the foot of the form that was sent.
 *
 * @param {HTMLElement} sheet
 * @param {string} text of the problem as a whole
 * @param {Problem["faults"]} [faults]
 */
export function showFaults(sheet, text, faults = []) {
  hideFaults(sheet);
  /** @type {HTMLElement | undefined} */
  let first;
  for (const { where, what } of faults) {
    const control = controlOf(sheet, where);
    if (!control) continue;
    control.closest("details")?.setAttribute("open", "");
    blame(control, sentence(what));
    first ??= control;
  }
  if (first) {
    first.focus();
    return;
  }
  const form = document.activeElement?.closest("form") ?? [...sheet.querySelectorAll("form")].pop() ?? sheet;
  const foot = [...form.children].filter((child) => child.matches(".row.end")).pop() ?? null;
  const note = h("p", { class: "fault", role: "alert", "data-testid": "error" }, text);
  form.insertBefore(note, foot);
  note.scrollIntoView({ block: "nearest" });
}

/** Takes away what was said of the last try. @param {HTMLElement} sheet */
export function hideFaults(sheet) {
  for (const note of sheet.querySelectorAll(".fault")) note.remove();
  for (const control of /** @type {NodeListOf<HTMLElement>} */ (sheet.querySelectorAll("[aria-invalid]"))) forgive(control);
}

/**
 * The control of a field: the one with its whole path as its name, else with the nearest part of it (`topics` for
 * `body.topics.0`).
 *
 * @param {HTMLElement} sheet @param {string} where a path into the request, e.g. `body.title`
 */
function controlOf(sheet, where) {
  const path = where.split(".").slice(1);
  const names = [path.join("."), ...path.toReversed()];
  for (const name of names) {
    const control = /** @type {HTMLElement | null} */ (sheet.querySelector(`[name="${CSS.escape(name)}"]`));
    if (control) return control;
  }
  return null;
}

/** @param {HTMLElement} control @param {string} what */
function blame(control, what) {
  const note = h("small", { class: "fault", id: `fault-${made += 1}`, "data-testid": "error" }, what);
  const whole = control.closest(".field, .tick") ?? control;
  if (whole.matches(".field")) whole.append(note);
  else whole.after(note);
  control.setAttribute("aria-invalid", "true");
  control.setAttribute("aria-describedby", `${control.getAttribute("aria-describedby") ?? ""} ${note.id}`.trim());
  control.addEventListener("input", () => { note.remove(); forgive(control); }, { once: true });
}

/** @param {HTMLElement} control */
function forgive(control) {
  control.removeAttribute("aria-invalid");
  const rest = (control.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && !id.startsWith("fault-"));
  if (rest.length) control.setAttribute("aria-describedby", rest.join(" "));
  else control.removeAttribute("aria-describedby");
}

/** @param {string} words as the API says them, for programs too */
const sentence = (words) => words.charAt(0).toLocaleUpperCase() + words.slice(1).replace(/[^.!?]$/, "$&.");
