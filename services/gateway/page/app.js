// @ts-check
/** The page: which view an address means, and how one gets from one to the other without loading anew. */

import { replace } from "./lib/dom.js";
import { attempt, complain } from "./lib/messages.js";
import { comeBack } from "./lib/sign_in.js";
import { refresh } from "./lib/push.js";
import { bar } from "./model/bar.js";
import { mountAccount } from "./views/account.js";
import { tellOfCorrections } from "./views/corrections.js";
import { HomePage } from "./views/home.js";
import { ModerationPage } from "./views/moderation.js";
import { tellOfInvitations } from "./views/invitation.js";
import { tellOfReminders } from "./views/reminders.js";
import { SpacePage } from "./views/space.js";

const MODERATION = "/moderation";
const SPACE = /^\/spaces\/([0-9a-z]{1,40})\/?$/;

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
/** Where one is: the browser has gone on already when it tells that somebody went back. */
let here = location.href;
/** The answer that is awaited, if one is. @type {Promise<boolean> | null} */
let asking = null;
/** Somebody was asked, and goes. */
let sure = false;

function show() {
  here = location.href;
  const space = SPACE.exec(location.pathname)?.[1];
  if (location.pathname === MODERATION) {
    replace(main, new ModerationPage());
    return;
  }
  const view = space ? new SpacePage() : new HomePage();
  view.go = go;
  if (view instanceof SpacePage) view.spaceId = space ?? "";
  replace(main, view);
  scrollTo(0, 0);
}

/** Whether what is shown may go away; asks whoever would be missed. @returns {Promise<boolean>} */
async function mayLeave() {
  const view = main.firstElementChild;
  if (!(view instanceof SpacePage) || !view.missed) return true;
  asking ??= view.confirmLeaving().finally(() => { asking = null; });
  return asking;
}

/** @param {string} path */
async function go(path) {
  if (!await mayLeave()) return;
  history.pushState({ inside: true }, "", path + (location.search.includes("raw=1") ? "?raw=1" : ""));
  show();
  main.focus({ preventScroll: true });
}

async function goBack() {
  const view = main.firstElementChild;
  if (!sure && view instanceof SpacePage && view.missed) {
    history.pushState(null, "", here); // stay until the answer is there
    sure = await mayLeave();
    if (sure) history.back();
    return;
  }
  sure = false;
  show();
}

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!(link instanceof HTMLAnchorElement) || !plain || link.target || link.hasAttribute("download")) return;
  const ours = link.origin === location.origin && (link.pathname === "/" || SPACE.test(link.pathname));
  if (!ours || link.hash) return;
  event.preventDefault();
  go(link.pathname);
});
addEventListener("popstate", () => goBack());
addEventListener("unhandledrejection", (event) => complain(event.reason));

mountAccount();
attempt(comeBack).then(() => refresh()).catch(() => undefined); // at the next visit then
tellOfReminders();
tellOfInvitations();
tellOfCorrections();
bar.start();
show();
