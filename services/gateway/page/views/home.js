// @ts-check
/** What is on: the live bar, live Spaces, what comes, what was. */

import { api, identity } from "../lib/api.js";
import { button, h, icon, keyed, replace } from "../lib/dom.js";
import { count, when } from "../lib/format.js";
import { bar } from "../model/bar.js";
import { createSpace } from "./create.js";
import { NOTHING_KEPT, avatar, avatars, badges, topics } from "./parts.js";
import { search } from "./search.js";

/** @import { SpaceCard } from "../client/contracts/api.js" */

const REFRESH_MS = 3000;
const SECTIONS = /** @type {const} */ ([["live", "Live now"], ["scheduled", "Coming up"], ["ended", "Listen again"]]);

export class HomePage extends HTMLElement {
  /** @type {(path: string) => void} */
  go = () => {};
  #alive = new AbortController();
  /** @type {Map<string, HTMLElement>} */
  #lists = new Map();

  connectedCallback() {
    this.#alive = new AbortController();
    document.title = "Rostrum";
    replace(this, h("section", { class: "hero" },
      h("h1", {}, "Live audio rooms"),
      h("p", {}, "A few people talk on stage, anybody can listen. Tap a Space to hear what is said right now."),
      button({ class: "primary big", "data-testid": "new-space", onclick: () => createSpace(this.go) }, icon("plus"), "Start a Space")), search());
    this.append(this.#section("bar", "People you follow"), ...SECTIONS.map(([state, title]) => this.#section(state, title)));
    const { signal } = this.#alive;
    const timer = setInterval(() => { if (!document.hidden) this.#refresh(); }, REFRESH_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.#refresh(); }, { signal });
    identity.addEventListener("change", () => this.#refresh(), { signal });
    bar.addEventListener("change", () => this.#showBar(), { signal });
    this.#showBar();
    this.#refresh();
  }

  disconnectedCallback() {
    this.#alive.abort();
  }

  /** @param {string} id @param {string} title */
  #section(id, title) {
    const list = h("ul", { class: id === "bar" ? "bar" : "cards", "data-testid": `list-${id}` });
    this.#lists.set(id, list);
    return h("section", { "aria-labelledby": `h-${id}`, hidden: true }, h("h2", { id: `h-${id}` }, title), list);
  }

  #showBar() {
    this.#show("bar", [...bar.spaces.values()], pill);
  }

  async #refresh() {
    await Promise.allSettled(SECTIONS.map(([state]) => this.#fill(state, card)));
  }

  /** @param {"live" | "scheduled" | "ended"} state @param {(card: SpaceCard) => HTMLElement} draw */
  async #fill(state, draw) {
    const { spaces } = await api.browse({ query: { state, limit: 24 } });
    this.#show(state, spaces, draw);
  }

  /** @param {string} id @param {SpaceCard[]} cards @param {(card: SpaceCard) => HTMLElement} draw */
  #show(id, cards, draw) {
    const list = this.#lists.get(id);
    if (!list) return;
    keyed(list, cards, (one) => one.id, () => h("li"), (item, one) => {
      const signature = JSON.stringify(one);
      if (item.dataset.drawn === signature) return;
      item.dataset.drawn = signature;
      const focused = item.contains(document.activeElement);
      replace(item, draw(one));
      if (focused) item.querySelector("a")?.focus();
    });
    const section = /** @type {HTMLElement} */ (list.parentElement);
    const empty = section.querySelector(".empty");
    section.hidden = cards.length === 0 && id !== "live";
    if (id === "live" && cards.length === 0 && !empty) {
      section.append(h("p", { class: "empty" }, "Nobody is talking at the moment. Start a Space, and others will see it here."));
    } else if (cards.length > 0) empty?.remove();
  }
}

/** @param {SpaceCard} one */
function pill(one) {
  const who = one.because.length > 0 ? one.because : [one.host];
  const [first] = who;
  const names = who.length > 1 ? `${first?.name} and ${count(who.length - 1, "other")}` : `${first?.name}`;
  return h("a", { class: "pill", href: `/spaces/${one.id}`, "data-testid": "pill" },
    h("span", { class: "avatars live" }, who.slice(0, 3).map(avatar)),
    h("span", {}, h("strong", {}, names), h("small", {}, one.title),
      one.ephemeral && h("small", { "data-testid": "ephemeral", title: NOTHING_KEPT }, "Ephemeral")));
}

/** @param {SpaceCard} one */
function card(one) {
  const others = one.speakers.length;
  const time = one.state === "scheduled" ? one.scheduled_start : one.ended_at;
  return h("article", { class: `card space ${one.state}` },
    badges(one),
    h("h3", {}, h("a", { href: `/spaces/${one.id}`, "data-testid": "space-link" }, one.title)),
    topics(one.topics),
    h("footer", {},
      one.state === "live" && others > 0 ? avatars(one.speakers) : avatar(one.host),
      h("span", { class: "by" }, h("span", {}, one.host.name),
        h("small", {}, one.state === "live" ? count(one.listeners, "listener") : time ? when(time) : ""))));
}

customElements.define("home-page", HomePage);
