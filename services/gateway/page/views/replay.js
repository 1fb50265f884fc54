// @ts-check
/** After the end: the replay, the transcript to jump in, what the host wants to know. */

import { api, identity, orNull, probe, Problem, signed } from "../lib/api.js";
import { button, h, icon, keyed, replace, write } from "../lib/dom.js";
import { clock, duration, size } from "../lib/format.js";
import { attempt, confirm } from "../lib/messages.js";
import { drawCorrection, mark, tools } from "./corrections.js";
import { avatar, signedLink } from "./parts.js";
import { announcePodcast, podcastLink } from "./profile.js";

/** @import { Caption, ReplayView } from "../client/contracts/api.js" */
/** @import { Kept } from "../model/live.js" */
/** @import { Room } from "../model/room.js" */

const LOOK_AGAIN_MS = 2500;
/** What cannot be played any more after that long has an old link, perhaps. */
const OLD_LINK_MS = 600_000;

export class SpaceReplay extends HTMLElement {
  /** @type {Room | null} */
  room = null;
  #audio = h("audio", { controls: true, preload: "metadata", "data-testid": "replay", "aria-label": "Replay" });
  #state = h("p", { class: "empty", role: "status", "data-testid": "replay-state" });
  #downloads = h("p", { class: "row downloads" });
  #lines = h("ol", { class: "lines transcript", "data-testid": "transcript" });
  #numbers = h("div", {});
  #deleting = h("span", {});
  /** Nobody is shown anything of it any more. */
  #deleted = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {number | null} wall clock of the replay's first moment, ms since 1970 */
  #began = null;
  /** @type {Caption[]} */
  #captions = [];
  /** How often was looked: an answer to an earlier look shows nothing. */
  #looks = 0;
  /** There is a transcript at most. */
  #failed = false;

  connectedCallback() {
    this.#audio.hidden = true;
    this.append(h("section", { class: "panel wide", "aria-label": "Replay" },
      h("header", {}, h("h2", {}, "Replay")), this.#state, this.#audio, this.#downloads),
    h("section", { class: "panel wide", "aria-label": "Transcript", "data-testid": "transcript-panel", hidden: true },
      h("header", {}, h("h2", {}, "Transcript")), this.#lines), this.#numbers);
    this.#audio.addEventListener("timeupdate", () => this.#mark());
    this.look();
  }

  disconnectedCallback() {
    announcePodcast(null);
    clearTimeout(this.#timer);
    this.#audio.pause();
  }

  /** @param {Kept} news */
  heard(news) {
    if (news === "recording.replay_deleted") this.#forget();
    else this.look();
  }

  /** Asks what there is, again and again while more is coming. */
  async look() {
    clearTimeout(this.#timer);
    const id = this.room?.id;
    if (!id || !this.isConnected) return;
    const look = this.#looks += 1;
    const [replay, transcript] = await Promise.all([
      orNull(api.getReplay(id)),
      orNull(api.getTranscript(id)),
    ]);
    if (this.#deleted || look !== this.#looks) return; // while it was asked for
    this.#showReplay(id, replay);
    this.#showTranscript(id, transcript?.captions ?? [], transcript?.state === "complete");
    this.#showNumbers(id);
    const coming = replay?.state === "recording" || replay?.state === "processing" || transcript?.state === "open";
    if ((coming || !replay) && this.isConnected) this.#timer = setTimeout(() => this.look(), LOOK_AGAIN_MS);
  }

  /** @param {string} id @param {ReplayView | null} replay */
  #showReplay(id, replay) {
    this.#say(replay?.state ?? "unknown");
    this.#failed = replay?.state === "failed";
    if (replay?.state !== "ready") return;
    const host = this.room?.space?.host;
    const podcast = host && this.room?.space?.settings.who_can_join === "everyone" ? host : null;
    announcePodcast(podcast);
    this.#began = replay.began_at ? Date.parse(replay.began_at) : null;
    if (!this.#audio.hidden) return;
    const mix = replay.mix ?? api.at.getMix(id);
    this.#audio.hidden = false;
    this.#play(mix);
    const place = /^#t=(\d+(?:\.\d+)?)$/.exec(location.hash)?.[1];
    if (place) this.#audio.addEventListener("loadedmetadata", () => { this.#audio.currentTime = Number(place); }, { once: true });
    const mayDownload = this.#isHost || replay.downloads;
    replace(this.#downloads, h("span", {}, `${duration(replay.seconds)}, ${size(replay.bytes)}`),
      ...(mayDownload ? replay.forms : []).map((form) => prepared(id, form)),
      ...(mayDownload ? replay.tracks : []).map((track) =>
        download(api.at.downloadTrack(id, track.person.id), `Only ${track.person.name}`)),
      podcast && podcastLink(podcast),
      this.#isHost && allowing(id, replay.downloads),
      this.#isHost && button({ class: "small danger", "data-testid": "delete-replay", onclick: () => this.#delete(id) }, "Delete the replay"));
  }

  /** Plays a file, from where it was; its link ends, and is made anew then. @param {string} address */
  async #play(address) {
    const { currentTime, paused } = this.#audio;
    const made = Date.now();
    const src = await signed(address).catch(() => null);
    if (src === null || this.#deleted) return;
    this.#audio.addEventListener("error", () => {
      if (!this.#deleted && Date.now() - made > OLD_LINK_MS) this.#play(address);
    }, { once: true });
    this.#audio.src = src;
    if (currentTime > 0) this.#audio.currentTime = currentTime;
    if (!paused) this.#audio.play().catch(() => undefined);
  }

  get #isHost() { return identity.person?.id === this.room?.space?.host.id; }

  /** @param {ReplayView["state"] | "unknown"} state */
  #say(state) {
    const { recorded, ephemeral } = this.room?.space?.settings ?? {};
    const words = {
      none: ephemeral ? "Nothing of this Space was kept." : recorded ? "There is no replay any more." : "This Space was not recorded.",
      recording: "The replay is being made…", processing: "The replay is being made…",
      failed: "There is no replay: nothing could be kept.", ready: "", unknown: "Looking for the replay…",
    };
    write(this.#state, words[state] ?? ""); // a state that this page does not know
    this.#state.dataset.state = state;
    this.#state.hidden = state === "ready";
  }

  /** @param {string} id */
  async #delete(id) {
    const sure = this.#failed ? await confirm("Delete the transcript?", "Nobody will read it any more.", "Delete")
      : await confirm("Delete the replay?", "Nobody will hear it, its tracks or read its transcript any more.", "Delete");
    if (!sure) return;
    await attempt(async () => {
      await api.deleteReplay(id);
      this.#forget();
    });
  }

  /** Only the words: the replay is kept. @param {string} id */
  async #deleteTranscript(id) {
    if (!await confirm("Delete the transcript?", "Nobody will read it any more. The replay is kept.", "Delete")) return;
    await attempt(async () => {
      await api.deleteTranscript(id);
      this.#showTranscript(id, []);
    });
  }

  /** Shows that it was deleted, and asks no more: transcription may not have heard of it yet. */
  #forget() {
    clearTimeout(this.#timer);
    this.#deleted = true;
    this.#audio.pause();
    this.#audio.hidden = true;
    this.#audio.removeAttribute("src");
    this.#audio.load(); // lets go of what it has
    replace(this.#downloads);
    this.#say("none");
    this.#showTranscript("", []);
  }

  /** @param {string} id @param {Caption[]} captions @param {boolean} [complete] */
  #showTranscript(id, captions, complete = false) {
    this.#captions = captions;
    const panel = /** @type {HTMLElement} */ (this.#lines.parentElement);
    panel.hidden = captions.length === 0;
    if (captions.length > 0 && !panel.querySelector(".downloads")) {
      panel.append(h("p", { class: "row downloads" }, ["txt", "vtt", "srt", "json"].map((kind) =>
        download(api.at.getTranscriptFile(id, kind), kind.toUpperCase())), this.#deleting));
    }
    const deletes = this.#isHost && (this.#failed || complete);
    if (deletes && !this.#deleting.firstChild) {
      replace(this.#deleting, button({ class: "small danger", "data-testid": "delete-transcript",
        onclick: () => this.#failed ? this.#delete(id) : this.#deleteTranscript(id) }, "Delete the transcript"));
    }
    // Until it is known when the replay begins, times are those since the start.
    const zero = this.#began ?? Date.parse(this.room?.space?.started_at ?? captions[0]?.start_at ?? "");
    keyed(this.#lines, captions, (line) => line.id, (line) => {
      const act = h("button", { type: "button", class: "sentence", "data-testid": "sentence", onclick: () => this.#jump(line) },
        avatar(line.person), h("span", { class: "said" }, h("strong", {}, line.person.name),
          h("time", { class: "time" }), h("q", { lang: line.lang, dir: "auto" }, line.text), mark()));
      return h("li", {}, act, tools());
    }, (item, line) => {
      const at = Math.max(0, (Date.parse(line.start_at) - zero) / 1000);
      const time = /** @type {Element} */ (item.querySelector("time"));
      write(time, clock(at));
      time.setAttribute("datetime", `PT${at.toFixed(1)}S`);
      write(/** @type {Element} */ (item.querySelector("q")), line.text);
      if (this.room) drawCorrection(item, this.room, line);
    });
  }

  /** @param {Caption} line */
  #jump(line) {
    if (this.#began === null) return;
    this.#audio.currentTime = Math.max(0, (Date.parse(line.start_at) - this.#began) / 1000);
    this.#audio.play().catch(() => undefined); // the player's own button is there too
  }

  #mark() {
    if (this.#began === null) return;
    const now = this.#began + this.#audio.currentTime * 1000 + 50;
    const current = this.#captions.filter((line) => Date.parse(line.start_at) <= now).pop();
    for (const item of /** @type {HTMLElement[]} */ ([...this.#lines.children])) {
      item.classList.toggle("now", item.dataset.key === current?.id);
    }
  }

  /** @param {string} id */
  async #showNumbers(id) {
    const { room } = this;
    if (!room?.space || identity.person?.id !== room.space.host.id) return;
    const numbers = await orNull(api.getAnalytics(id));
    if (!numbers) return;
    const reactions = Object.values(numbers.reactions).reduce((sum, n) => sum + n, 0);
    replace(this.#numbers, h("section", { class: "panel wide", "aria-label": "Numbers", "data-testid": "numbers" },
      h("header", {}, h("h2", {}, "Numbers"), h("small", {}, "only you see these")),
      h("dl", { class: "numbers" },
        figure(numbers.peak_listeners, "listeners at the most"), figure(numbers.total_listeners, "listeners in all"),
        room.space.settings.ephemeral ? figure(numbers.speakers, "people on stage")
          : figure(Object.keys(numbers.talk_seconds_by_speaker).length, "people spoke"),
        figure(reactions, "reactions"))));
  }
}

/** @param {number} value @param {string} words */
const figure = (value, words) => h("div", {}, h("dd", {}, value.toLocaleString()), h("dt", {}, words));

/** @param {string} address @param {string} words */
const download = (address, words) => signedLink(address, { class: "button small", download: true }, icon("down"), words);

/** The mix in a form, which is made when it is first asked for. @param {string} id @param {string} form */
function prepared(id, form) {
  const words = form.toUpperCase();
  const label = h("span", {}, words);
  const made = button({ class: "small", "data-testid": `download-${form}`, onclick: () => attempt(async () => {
    made.disabled = true;
    write(label, `${words} is being made…`);
    try {
      const address = await whenMade(id, form);
      if (made.isConnected) h("a", { href: address, download: "" }).click();
    } finally {
      made.disabled = false;
      write(label, words);
    }
  }) }, icon("down"), label);
  return made;
}

/** The address of the mix in a form, once it is made. @param {string} id @param {string} form */
async function whenMade(id, form) {
  for (;;) {
    try {
      await probe(api.downloadMix(id, form));
      return await signed(api.at.downloadMix(id, form));
    } catch (error) {
      if (!(error instanceof Problem) || error.reason !== "not_ready") throw error;
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }
}

/** The host lets others download, or not. @param {string} id @param {boolean} allowed */
function allowing(id, allowed) {
  const box = h("input", { type: "checkbox", checked: allowed, "data-testid": "allow-downloads", onchange: () => attempt(async () => {
    try {
      await api.allowDownloads(id, { allowed: box.checked });
    } catch (error) {
      box.checked = !box.checked;
      throw error;
    }
  }) });
  return h("label", { class: "check" }, box, "Others may download");
}

customElements.define("space-replay", SpaceReplay);
