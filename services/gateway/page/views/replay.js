// @ts-check
/** After the end: the replay, the transcript to jump in, what the host wants to know. */

import { get, identity, remove, withToken } from "../lib/api.js";
import { button, h, icon, keyed, replace, write } from "../lib/dom.js";
import { clock, duration, size } from "../lib/format.js";
import { attempt, confirm } from "../lib/messages.js";
import { avatar } from "./parts.js";

/** @typedef {import("../model/types.js").Replay} Replay */
/** @typedef {import("../model/types.js").Caption} Caption */

const LOOK_AGAIN_MS = 2500;

export class SpaceReplay extends HTMLElement {
  /** @type {import("../model/room.js").Room | null} */
  room = null;
  #audio = h("audio", { controls: true, preload: "metadata", "data-testid": "replay", "aria-label": "Replay" });
  #state = h("p", { class: "empty", role: "status", "data-testid": "replay-state" });
  #downloads = h("p", { class: "row downloads" });
  #lines = h("ol", { class: "lines transcript", "data-testid": "transcript" });
  #numbers = h("div", {});
  #timer = 0;
  /** @type {number | null} wall clock of the replay's first moment, ms since 1970 */
  #began = null;
  /** @type {Caption[]} */
  #captions = [];

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
    clearTimeout(this.#timer);
    this.#audio.pause();
  }

  /** Asks what there is, again and again while more is coming. */
  async look() {
    clearTimeout(this.#timer);
    const path = this.room?.path;
    if (!path || !this.isConnected) return;
    const [replay, transcript] = await Promise.all([
      /** @type {Promise<Replay | null>} */ (get(`${path}/replay`).catch(() => null)),
      /** @type {Promise<{state: string, captions: Caption[]} | null>} */ (get(`${path}/transcript`).catch(() => null)),
    ]);
    this.#showReplay(path, replay);
    this.#showTranscript(path, transcript?.captions ?? []);
    this.#showNumbers(path);
    const coming = replay?.state === "recording" || replay?.state === "processing" || transcript?.state === "open";
    if ((coming || !replay) && this.isConnected) this.#timer = setTimeout(() => this.look(), LOOK_AGAIN_MS);
  }

  /** @param {string} path @param {Replay | null} replay */
  #showReplay(path, replay) {
    const state = replay?.state ?? "unknown";
    const words = {
      none: this.room?.space?.settings.recorded ? "There is no replay any more." : "This Space was not recorded.", recording: "The replay is being made…", processing: "The replay is being made…",
      failed: "There is no replay: nothing could be kept.", ready: "", unknown: "Looking for the replay…",
    };
    write(this.#state, words[state]);
    this.#state.dataset.state = state;
    this.#state.hidden = state === "ready";
    if (replay?.state !== "ready") return;
    this.#began = replay.began_at ? Date.parse(replay.began_at) : null;
    if (!this.#audio.hidden) return;
    const mix = replay.mix ?? `${path}/replay.m4a`;
    this.#audio.src = withToken(mix);
    this.#audio.hidden = false;
    const place = /^#t=(\d+(?:\.\d+)?)$/.exec(location.hash)?.[1];
    if (place) this.#audio.addEventListener("loadedmetadata", () => { this.#audio.currentTime = Number(place); }, { once: true });
    replace(this.#downloads, download(mix, `Audio, ${duration(replay.seconds)}, ${size(replay.bytes)}`),
      ...replay.tracks.map((track) => download(track.url, `Only ${track.person.name}`)),
      identity.person?.id === this.room?.space?.host.id && button({ class: "small danger", "data-testid": "delete-replay",
        onclick: () => this.#delete(path) }, "Delete the replay"));
  }

  /** @param {string} path */
  async #delete(path) {
    const sure = await confirm("Delete the replay?", "Nobody will hear it, its tracks or read its transcript any more.", "Delete");
    if (!sure) return;
    await attempt(async () => {
      await remove(`${path}/replay`);
      this.#audio.hidden = true;
      this.#audio.removeAttribute("src");
      replace(this.#downloads);
      // Asked at once, transcription may not have heard of it yet.
      this.#showReplay(path, { state: "none", began_at: null, seconds: 0, bytes: 0, mix: null, tracks: [] });
      this.#showTranscript(path, []);
    });
  }

  /** @param {string} path @param {Caption[]} captions */
  #showTranscript(path, captions) {
    this.#captions = captions;
    const panel = /** @type {HTMLElement} */ (this.#lines.parentElement);
    panel.hidden = captions.length === 0;
    if (captions.length > 0 && !panel.querySelector(".downloads")) {
      panel.append(h("p", { class: "row downloads" }, ["txt", "vtt", "srt", "json"].map((kind) =>
        download(`${path}/transcript.${kind}`, kind.toUpperCase()))));
    }
    const zero = this.#began ?? Date.parse(captions[0]?.start_at ?? "");
    keyed(this.#lines, captions, (line) => line.id, (line) => {
      const at = Math.max(0, (Date.parse(line.start_at) - zero) / 1000);
      const act = h("button", { type: "button", "data-testid": "sentence", onclick: () => this.#jump(line) },
        avatar(line.person), h("span", { class: "said" }, h("strong", {}, line.person.name),
          h("time", { class: "time", datetime: `PT${at.toFixed(1)}S` }, clock(at)), h("q", {}, line.text)));
      return h("li", {}, act);
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

  /** @param {string} path */
  async #showNumbers(path) {
    const { room } = this;
    if (!room?.space || identity.person?.id !== room.space.host.id) return;
    const numbers = await get(`${path}/analytics`).catch(() => null);
    if (!numbers) return;
    const talk = numbers.talk_seconds_by_speaker ?? {};
    const reactions = Object.values(numbers.reactions ?? {}).reduce((sum, n) => sum + Number(n), 0);
    replace(this.#numbers, h("section", { class: "panel wide", "aria-label": "Numbers", "data-testid": "numbers" },
      h("header", {}, h("h2", {}, "Numbers"), h("small", {}, "only you see these")),
      h("dl", { class: "numbers" },
        figure(numbers.peak_listeners ?? 0, "listeners at the most"), figure(numbers.total_listeners ?? 0, "listeners in all"),
        figure(Object.keys(talk).length, "people spoke"), figure(reactions, "reactions"))));
  }
}

/** @param {number} value @param {string} words */
const figure = (value, words) => h("div", {}, h("dd", {}, value.toLocaleString()), h("dt", {}, words));

/** @param {string} path @param {string} words */
const download = (path, words) => h("a", { class: "button small", href: withToken(path), download: true }, icon("down"), words);

customElements.define("space-replay", SpaceReplay);
