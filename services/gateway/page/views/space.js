// @ts-check
/** One Space: before, while and after it is live. */

import { Problem, identity } from "../lib/api.js";
import { button, h, icon, keyed, replace, write } from "../lib/dom.js";
import { clock, count, when } from "../lib/format.js";
import { attempt, banner, complain, confirm, say, tell } from "../lib/messages.js";
import { Room } from "../model/room.js";
import { audienceSheet } from "./audience.js";
import { SpaceCaptions } from "./captions.js";
import { SpaceControls } from "./controls.js";
import { address, share } from "./create.js";
import { SpaceInvitation } from "./invitation.js";
import { inviteSheet, invites } from "./invite.js";
import { news } from "./news.js";
import { NOTHING_KEPT, avatar, badges, named, topics } from "./parts.js";
import { SpaceQueue } from "./queue.js";
import { SpaceReactions, SpaceTray } from "./reactions.js";
import { SpaceReplay } from "./replay.js";
import { reportSheet } from "./report.js";
import { SpaceStage } from "./stage.js";
import { tellOfTip } from "./tips.js";

/** @import { Pin } from "../client/contracts/api.js" */
/** @import { Kept, Note } from "../model/live.js" */

/** A connection that is gone for less than this is nobody's concern. */
const BLINK_MS = 1500;

export class SpacePage extends HTMLElement {
  spaceId = "";
  /** @type {(path: string) => void} */
  go = () => {};
  #alive = new AbortController();
  #room = new Room("");
  #stage = new SpaceStage();
  #queue = new SpaceQueue();
  #captions = new SpaceCaptions();
  #invitation = new SpaceInvitation();
  #controls = new SpaceControls();
  #reactions = new SpaceReactions();
  /** @type {SpaceReplay | null} */
  #replay = null;
  #heading = h("h1", { tabindex: "-1", "data-testid": "title" });
  #facts = h("div", { class: "facts" });
  #by = h("div", { class: "host" });
  #audience = button({ class: "audience plain", "data-testid": "audience-open", onclick: () => attempt(() => audienceSheet(this.#room)) });
  #pins = h("ul", { class: "pins", "aria-label": "Pinned", "data-testid": "pins" });
  #people = button({ class: "small", "data-testid": "invite-open", onclick: () => attempt(() => inviteSheet(this.#room)) }, "Invite people");
  #invite = h("div", { class: "invite", hidden: true }, icon("link"), h("code", { "data-testid": "link" }, address()), this.#people,
    button({ class: "small", "data-testid": "copy-link", onclick: () => share(this.#room.space?.settings.title ?? "") }, "Share"));
  #side = h("aside", { class: "side", "aria-label": "Captions and requests" }, this.#queue, this.#captions);
  #delete = h("p", { class: "row end", hidden: true },
    button({ class: "small danger", "data-testid": "delete-space", onclick: () => this.#remove() }, "Delete this Space"));
  #lead = h("p", { class: "lead", hidden: true });
  #tray = new SpaceTray();
  #dock = h("div", { class: "dock" }, this.#tray, this.#controls);
  /** The page leaves room below for as much as the dock covers. */
  #covered = new ResizeObserver(() => document.documentElement.style.setProperty("--dock", `${this.#dock.offsetHeight}px`));
  #drawn = "";

  connectedCallback() {
    this.#alive = new AbortController();
    const { signal } = this.#alive;
    const room = (this.#room = new Room(this.spaceId));
    for (const part of [this.#stage, this.#queue, this.#captions, this.#controls, this.#invitation, this.#tray]) part.room = room;
    this.#controls.leave = async () => { await attempt(() => room.leave()); this.go("/"); };
    this.#controls.toggleTray = () => this.#tray.toggle();
    this.#tray.sent = (kind) => this.#reactions.own(kind);
    room.addEventListener("change", () => this.draw(), { signal });
    room.addEventListener("reacted", (e) => this.#reactions.shower(/** @type {CustomEvent<Record<string, number>>} */ (e).detail), { signal });
    room.addEventListener("note", (e) => this.#note(/** @type {CustomEvent<Note>} */ (e).detail), { signal });
    room.addEventListener("kept", (e) => this.#replay?.heard(/** @type {CustomEvent<Kept>} */ (e).detail), { signal });
    room.captions.addEventListener("corrected", () => this.#replay?.look(), { signal });
    room.addEventListener("gone", (e) => this.#gone(/** @type {CustomEvent<Problem>} */ (e).detail), { signal });
    identity.addEventListener("change", () => {
      if (this.#heading.isConnected) attempt(() => room.reopen());
      else location.reload(); // refused as who they were
    }, { signal });
    addEventListener("beforeunload", (event) => { if (this.missed) event.preventDefault(); }, { signal });
    addEventListener("pagehide", () => room.close({ reloads: true }), { signal });
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); }, { signal });
    this.#covered.observe(this.#dock);
    signal.addEventListener("abort", () => {
      this.#covered.disconnect();
      document.documentElement.style.removeProperty("--dock");
    });
    const timer = setInterval(() => this.#watch(), 500);
    signal.addEventListener("abort", () => clearInterval(timer));
    this.#open();
  }

  disconnectedCallback() {
    this.#alive.abort();
    this.#room.close();
    banner("");
  }

  /** Whether others would miss this person: somebody on air, and whoever hosts. */
  get missed() {
    const room = this.#room;
    return this.#heading.isConnected && room.isLive && room.joined && (room.onAir || room.role === "host");
  }

  /** @returns {Promise<boolean>} */
  confirmLeaving() {
    return this.#room.role === "host"
      ? confirm("Leave while you host?", "The Space goes on without you for a while. If you do not come back, a co-host takes over, or it ends.", "Leave")
      : confirm("Leave while you are on air?", "Nobody will hear you any more.", "Leave");
  }

  async #open() {
    const { signal } = this.#alive;
    replace(this, h("p", { class: "loading" }, "Loading…"));
    try {
      await this.#room.open();
    } catch (error) {
      if (signal.aborted) return;
      this.#gone(error instanceof Problem ? error : new Problem(0, "unknown", "This page could not show the Space."));
      if (!(error instanceof Problem)) complain(error);
      return;
    }
    if (signal.aborted) return;
    replace(this, h("article", { class: "space-view" },
      h("div", { class: "main" },
        h("header", { class: "title" }, this.#facts, this.#heading, this.#by),
        this.#lead, this.#invitation,
        h("div", { class: "arena" }, this.#stage, this.#reactions)),
      this.#side,
      h("div", { class: "main rest" }, this.#audience, this.#pins, this.#invite, this.#delete)),
    this.#dock);
    this.draw();
    this.#heading.focus({ preventScroll: true });
    // Whoever came by a click on this page, or is awaited on stage, need not tap again.
    if (this.#room.isLive && (this.#room.member || history.state?.inside) && navigator.userActivation?.hasBeenActive) {
      await attempt(() => this.#room.join());
    }
  }

  draw() {
    const { space, listeners } = this.#room;
    if (!space || !this.#heading.isConnected) return;
    const { settings, host, state } = space;
    document.title = `${state === "live" ? "● " : ""}${settings.title} · Rostrum`;
    write(this.#heading, settings.title);
    const looks = JSON.stringify([state, settings, host, space.scheduled_start]);
    if (looks !== this.#drawn) {
      this.#drawn = looks;
      replace(this.#facts, badges({ state, ...settings }), topics(settings.topics));
      replace(this.#by, avatar(host), h("span", {}, "Hosted by ", h("strong", { "data-testid": "host" }, host.name)));
      this.#phase();
    }
    this.#stage.draw();
    this.#queue.draw();
    this.#invitation.draw();
    this.#side.hidden = this.#queue.hidden && this.#captions.hidden;
    this.#controls.draw();
    const pins = state === "live" ? space.pins : [];
    this.#pins.hidden = pins.length === 0;
    keyed(this.#pins, pins, (pin) => `${pin.id} ${named(pin.person)}`, (pin) => pinned(this.#room, pin));
    this.#audience.hidden = state !== "live";
    this.#people.hidden = !invites(this.#room) || settings.who_can_join !== "invited";
    this.#invite.hidden = host.id !== identity.person?.id || (state !== "live" && state !== "scheduled");
    if (state === "live") {
      const word = `${count(listeners, "person", "people")} listening`;
      if (this.#audience.dataset.word !== word) {
        this.#audience.dataset.word = word;
        replace(this.#audience, icon("people"), h("span", { "data-testid": "listeners", "data-count": listeners }, word));
      }
    }
  }

  /** What there is to see changes with the state of the Space. */
  #phase() {
    const { space } = this.#room;
    if (!space) return;
    const over = space.state === "ended" || space.state === "timed_out";
    const { recorded, captions, ephemeral } = space.settings;
    this.#captions.hidden = space.state !== "live" || !captions;
    this.#stage.hidden = space.state !== "live";
    this.classList.toggle("over", over);
    const length = space.started_at && space.ended_at ? (Date.parse(space.ended_at) - Date.parse(space.started_at)) / 1000 : null;
    const words = {
      live: "", canceled: "This Space was canceled.",
      scheduled: space.scheduled_start ? `Starts ${when(space.scheduled_start)}. Keep the link, it stays the same.` : "",
      ended: `This Space has ended${length === null ? "" : ` after ${clock(length)}`}.`,
      timed_out: "This Space ended because its host was lost.",
      deleted: "This Space was deleted.",
    };
    this.#lead.hidden = !words[space.state];
    write(this.#lead, words[space.state]);
    if (over) {
      this.#tray.hidden = true;
      if (!this.#replay) {
        this.#replay = new SpaceReplay();
        this.#replay.room = this.#room;
        this.#delete.before(this.#replay);
      }
    }
    if (space.state === "deleted") {
      this.#replay?.remove();
      this.#replay = null;
    }
    const deletes = (over || space.state === "canceled") && space.host.id === identity.person?.id;
    this.#delete.hidden = !deletes;
    if (space.state === "live" && recorded) say("This Space is recorded.");
    if (space.state === "live" && ephemeral) say(NOTHING_KEPT);
  }

  async #remove() {
    const sure = await confirm("Delete this Space?", "Nobody will find it, and everything said and written in it is gone for good.", "Delete");
    if (!sure) return;
    await attempt(async () => {
      await this.#room.orders.deleteSpace();
      tell("The Space is deleted.");
      this.go("/");
    });
  }

  /** @param {Note} event */
  #note(event) {
    const words = news(this.#room, event);
    if (words) tell(words);
    tellOfTip(event);
  }

  /** Says that the network is away, but not at every blink. */
  #watch() {
    const { live, space } = this.#room;
    const wanted = space?.state === "live" && this.#heading.isConnected;
    const now = performance.now();
    this.#lostAt = !wanted || live.connected ? null : this.#lostAt ?? now;
    const lost = !navigator.onLine || (this.#lostAt !== null && now - this.#lostAt > BLINK_MS);
    banner(lost ? "Connection lost. Reconnecting…" : "");
  }

  /** @type {number | null} */
  #lostAt = null;

  /** @param {Problem} problem */
  #gone(problem) {
    const titles = { 403: "You cannot be here", 404: "There is no such Space", 410: "This Space was deleted" };
    const title = titles[/** @type {keyof typeof titles} */ (problem.status)] ?? "That did not work";
    document.title = `${title} · Rostrum`;
    replace(this, h("section", { class: "card notice", "data-testid": "gone" }, h("h1", { tabindex: "-1" }, title), h("p", {}, problem.message),
      h("div", { class: "row" }, problem.passing && button({ class: "primary", onclick: () => location.reload() }, "Try again"),
        h("a", { class: "button", href: "/" }, "See what is on"))));
    this.querySelector("h1")?.focus();
  }
}

/**
 * A link that somebody on stage keeps before everybody.
 *
 * @param {Room} room @param {Pin} pin
 */
function pinned(room, pin) {
  const safe = /^https?:\/\//.test(pin.url);
  return h("li", {}, icon("link"), h("span", { class: "by" },
    safe ? h("a", { href: pin.url, target: "_blank", rel: "noopener noreferrer ugc" }, pin.text || pin.url) : pin.url,
    h("small", {}, `Pinned by ${pin.person.name}`)),
  (room.hosts || pin.person.id === identity.person?.id) && button({
    class: "small quiet", "data-testid": "unpin", "aria-label": `Unpin ${pin.text || pin.url}`,
    onclick: () => attempt(() => room.orders.unpin(pin.id)),
  }, "Unpin"),
  pin.person.id !== identity.person?.id && button({
    class: "plain", "data-testid": "report-pin", "aria-label": `Report ${pin.text || pin.url}`, title: "Report",
    onclick: () => reportSheet(room, pin.person, { kind: "pin", id: pin.id, title: `Report what ${pin.person.name} pinned`, text: pin.text || pin.url }),
  }, icon("flag")));
}

customElements.define("space-page", SpacePage);
