// @ts-check
/** Short messages, the banner of a lost connection, questions, and what is only said to screen readers. */

import { Problem } from "./api.js";
import { button, h, icon, write } from "./dom.js";
import { hideFaults, showFaults } from "./faults.js";

const SHOWN_MS = 6000;
/** As many messages stand there at once; the oldest goes. */
const MOST = 5;

/** @param {string} id */
const part = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * A small message that goes away by itself, unless it is to `stay`.
 *
 * @param {string} text
 * @param {{bad?: boolean, action?: {label: string, act: () => unknown}, link?: {label: string, href: string}, stay?: boolean}}
 *   [options] what one can do about it, or where one can go
 */
export function tell(text, { bad = false, action, link, stay = false } = {}) {
  for (const old of [...part("messages").children]) if (old.firstChild?.textContent === text) old.remove();
  const message = h("div", { class: bad ? "message bad" : "message", "data-testid": bad ? "error" : "message" },
    h("span", {}, text));
  const done = () => message.remove();
  // A sheet lies over it: it has its time when it can be seen.
  const lapse = () => { if (topSheet()) setTimeout(lapse, SHOWN_MS); else done(); };
  if (action) message.append(button({ class: "small", onclick: async () => { await action.act(); done(); } }, action.label));
  if (link) message.append(h("a", { class: "button small", href: link.href, "data-testid": "message-link", onclick: done }, link.label));
  message.append(button({ class: "plain", "aria-label": "Dismiss", onclick: done }, icon("close")));
  part("messages").append(message);
  if (part("messages").childElementCount > MOST) part("messages").firstElementChild?.remove();
  if (!stay) setTimeout(lapse, action ? SHOWN_MS * 3 : SHOWN_MS);
}

/** @returns {HTMLDialogElement | undefined} the sheet that is in front, if there is one */
const topSheet = () => [.../** @type {NodeListOf<HTMLDialogElement>} */ (document.querySelectorAll("dialog[open]"))].pop();

/**
 * Says what went wrong: in the sheet that is open, beside the fields it is about; else as a message.
 *
 * @param {unknown} error anything that was thrown
 */
export function complain(error) {
  if (!(error instanceof Problem)) console.error(error);
  const text = error instanceof Problem ? error.message : "Something went wrong on this page. Reloading may help.";
  const sheet = topSheet();
  if (sheet) showFaults(sheet, text, error instanceof Problem ? error.faults : []);
  else tell(text, { bad: true });
}

/**
 * Does something and shows what went wrong, if it did.
 *
 * @template T
 * @param {() => Promise<T>} act
 * @returns {Promise<T | undefined>}
 */
export async function attempt(act) {
  const sheet = topSheet();
  if (sheet) hideFaults(sheet);
  try {
    return await act();
  } catch (error) {
    complain(error);
    return undefined;
  }
}

/** @param {string} text empty: no banner */
export function banner(text) {
  const element = part("banner");
  write(element, text);
  element.hidden = !text;
}

/** @param {string} text heard by screen readers, not shown */
export function say(text) {
  const element = part("spoken");
  write(element, text);
}

/**
 * A modal sheet: focus stays in it, Escape closes it. Resolves when it is closed.
 *
 * @param {string} title
 * @param {(close: () => void) => import("./dom.js").Child[]} content
 * @param {{testid?: string}} [options]
 * @returns {Promise<void>}
 */
export function sheet(title, content, { testid } = {}) {
  return new Promise((resolve) => {
    const id = `sheet-${Math.random().toString(36).slice(2)}`;
    const dialog = h("dialog", { class: "sheet", "aria-labelledby": id, "data-testid": testid });
    const close = () => dialog.close();
    dialog.append(h("header", {}, h("h2", { id }, title),
      button({ class: "plain", "aria-label": "Close", onclick: close }, icon("close"))));
    for (const child of content(close)) if (child) dialog.append(child instanceof Node ? child : String(child));
    dialog.addEventListener("click", (event) => { if (event.target === dialog) close(); });
    // The browser points at what is missing only where it can be seen.
    dialog.addEventListener("invalid", (event) => {
      if (event.target instanceof Element) event.target.closest("details")?.setAttribute("open", "");
    }, true);
    dialog.addEventListener("close", () => { dialog.remove(); resolve(); });
    document.body.append(dialog);
    dialog.showModal();
    /** @type {HTMLElement | null} */ (dialog.querySelector("[autofocus]"))?.focus();
  });
}

/**
 * @param {string} title
 * @param {string} text
 * @param {string} yes what the button says that goes ahead
 * @returns {Promise<boolean>}
 */
export async function confirm(title, text, yes) {
  let sure = false;
  await sheet(title, (close) => [
    h("p", {}, text),
    h("div", { class: "row end" },
      button({ onclick: close, autofocus: true }, "Cancel"),
      button({ class: "danger", "data-testid": "confirm", onclick: () => { sure = true; close(); } }, yes)),
  ], { testid: "confirmation" });
  return sure;
}
