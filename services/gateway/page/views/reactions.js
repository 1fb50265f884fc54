// @ts-check
/** Reactions: a tray to send them, a shower of them over the stage, and the same in words. */

import { button, h, replace } from "../lib/dom.js";
import { attempt, say } from "../lib/messages.js";
import { signUp } from "./account.js";

/** @type {Record<string, {sign: string, words: string, tone?: boolean}>} */
const KINDS = {
  clap: { sign: "👏", words: "clap", tone: true },
  purple_heart: { sign: "💜", words: "purple heart" },
  laughing: { sign: "😂", words: "laughing" },
  hundred: { sign: "💯", words: "hundred" },
  surprised: { sign: "😮", words: "surprised" },
  crying: { sign: "😢", words: "crying" },
  fist: { sign: "✊", words: "fist", tone: true },
  thumbs_up: { sign: "👍", words: "thumbs up", tone: true },
  thumbs_down: { sign: "👎", words: "thumbs down", tone: true },
  wave: { sign: "👋", words: "wave", tone: true },
};
const TONES = ["", "🏻", "🏼", "🏽", "🏾", "🏿"];
/** Fitzpatrick types of those signs; the first stands for types 1 and 2. */
const TYPES = [null, 2, 3, 4, 5, 6];
const TONE = "rostrum.tone";
const AT_ONCE = 12;
const TOLD_AFTER_MS = 1000;
const TOLD_EVERY_MS = 5000;

const tone = () => Math.min(TONES.length - 1, Math.max(0, Number(localStorage.getItem(TONE)) || 0));
const sign = (/** @type {string} */ kind, at = 0) => `${KINDS[kind]?.sign ?? "✨"}${KINDS[kind]?.tone ? TONES[at] : ""}`;

/** The tray. @param {import("../model/room.js").Room} room @param {(kind: string) => void} shown */
export function reactionTray(room, shown) {
  const tray = h("div", { class: "tray", role: "group", "aria-label": "Reactions", "data-testid": "reactions" });
  const send = async (/** @type {string} */ kind) => {
    if (!await signUp("To react you need a handle and a name.")) return;
    shown(kind);
    await attempt(() => room.orders.react(kind, KINDS[kind]?.tone ? TYPES[tone()] ?? null : null));
  };
  const draw = () => replace(tray,
    Object.entries(KINDS).map(([kind, { words }]) => button(
      { class: "emoji", "aria-label": words, title: words, "data-testid": `react-${kind}`, onclick: () => send(kind) }, sign(kind, tone()))),
    button({
      class: "emoji", "aria-label": "Change skin tone", title: "Skin tone",
      onclick: () => {
        localStorage.setItem(TONE, String((tone() + 1) % TONES.length));
        draw();
        /** @type {HTMLElement | null} */ (tray.lastElementChild)?.focus();
      },
    }, `🖐${TONES[tone()]}`));
  draw();
  return tray;
}

export class SpaceReactions extends HTMLElement {
  /** @type {Map<string, number>} */
  #untold = new Map();
  #timer = 0;
  #told = -TOLD_EVERY_MS;
  /** Own reactions are shown at once and left out of the next count. @type {Map<string, number>} */
  #own = new Map();

  connectedCallback() {
    this.className = "shower";
    this.setAttribute("aria-hidden", "true");
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
  }

  /** @param {string} kind */
  own(kind) {
    this.#own.set(kind, (this.#own.get(kind) ?? 0) + 1);
    this.#float(kind, tone());
  }

  /** @param {Record<string, number>} counts */
  shower(counts) {
    let left = AT_ONCE;
    for (const [kind, number] of Object.entries(counts)) {
      this.#untold.set(kind, (this.#untold.get(kind) ?? 0) + number);
      const mine = Math.min(number, this.#own.get(kind) ?? 0);
      this.#own.set(kind, (this.#own.get(kind) ?? 0) - mine);
      for (let i = 0; i < number - mine && left > 0; i += 1, left -= 1) this.#float(kind, 0);
    }
    const wait = Math.max(TOLD_AFTER_MS, this.#told + TOLD_EVERY_MS - performance.now());
    if (!this.#timer) this.#timer = setTimeout(() => this.#tell(), wait);
  }

  #tell() {
    this.#timer = 0;
    this.#told = performance.now();
    const words = [...this.#untold].map(([kind, number]) => `${number} ${KINDS[kind]?.words ?? kind}`);
    this.#untold.clear();
    say(`Reactions: ${words.join(", ")}`);
  }

  /** @param {string} kind @param {number} at */
  #float(kind, at) {
    const one = h("span", {
      class: "float", "data-testid": "floating", "--x": `${8 + Math.random() * 84}%`, "--drift": `${Math.random() * 40 - 20}px`,
      "--wait": `${Math.random() * 250}ms`,
    }, sign(kind, at));
    one.addEventListener("animationend", () => one.remove());
    setTimeout(() => one.remove(), 5000);
    this.append(one);
  }
}

customElements.define("space-reactions", SpaceReactions);
