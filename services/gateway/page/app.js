// @ts-check
/** The page: which view an address means, and how one gets from one to the other without loading anew. */

import { replace } from "./lib/dom.js";
import { complain } from "./lib/messages.js";
import { mountAccount } from "./views/account.js";
import { HomePage } from "./views/home.js";
import { ModerationPage } from "./views/moderation.js";
import { SpacePage } from "./views/space.js";

const MODERATION = "/moderation";
const SPACE = /^\/spaces\/([0-9a-z]{1,40})\/?$/;

const main = /** @type {HTMLElement} */ (document.getElementById("main"));

function show() {
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

/** @param {string} path */
function go(path) {
  history.pushState({ inside: true }, "", path + (location.search.includes("raw=1") ? "?raw=1" : ""));
  show();
  main.focus({ preventScroll: true });
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
addEventListener("popstate", show);
addEventListener("unhandledrejection", (event) => complain(event.reason));

mountAccount();
show();
