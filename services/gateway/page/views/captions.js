// @ts-check
/** Captions while they are spoken. Only final ones are announced, partial ones would talk over themselves. */

import { button, h, keyed, write } from "../lib/dom.js";
import { drawCorrection, mark, tools } from "./corrections.js";
import { avatar } from "./parts.js";

/** @import { Line } from "../model/captions.js" */

/** Nearer to the end than this (pixels) means: reading along. */
const NEAR = 60;

export class SpaceCaptions extends HTMLElement {
  /** @type {import("../model/room.js").Room | null} */
  room = null;
  #shown = true;
  #final = h("ol", { class: "lines", role: "log", "aria-live": "polite", "aria-label": "Captions", "data-testid": "captions" });
  #partial = h("ol", { class: "lines partial", "data-testid": "partials", "aria-hidden": "true" });
  #empty = h("p", { class: "empty" }, "What is said appears here.");
  #scroller = h("div", { class: "scroller", tabindex: "0", role: "group", "aria-label": "Captions so far" },
    this.#empty, this.#final, this.#partial);

  connectedCallback() {
    const toggle = button({ class: "small quiet", "aria-expanded": "true", "aria-label": "Show captions", "data-testid": "captions-toggle" }, "Hide");
    toggle.addEventListener("click", () => {
      this.#shown = !this.#shown;
      toggle.setAttribute("aria-expanded", String(this.#shown));
      write(toggle, this.#shown ? "Hide" : "Show");
      this.#scroller.hidden = !this.#shown;
    });
    this.replaceChildren(h("section", { class: "panel", "aria-label": "Live captions" },
      h("header", {}, h("h2", {}, "Captions"), toggle), this.#scroller));
    this.room?.captions.addEventListener("change", () => this.draw());
  }

  draw() {
    const lines = this.room?.captions.lines ?? [];
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const along = scrollHeight - scrollTop - clientHeight < NEAR;
    this.#empty.hidden = lines.length > 0;
    let last = "";
    for (const [list, final] of /** @type {const} */ ([[this.#final, true], [this.#partial, false]])) {
      const firsts = new Set();
      const part = lines.filter((line) => line.final === final);
      for (const line of part) {
        if (line.person.id !== last) firsts.add(line.id);
        last = line.person.id;
      }
      keyed(list, part, (line) => line.id, create, (item, line) => {
        item.classList.toggle("follows", !firsts.has(line.id));
        write(/** @type {Element} */ (item.querySelector("strong")), line.person.name);
        write(/** @type {Element} */ (item.querySelector("q")), line.text);
        if (this.room && line.final) drawCorrection(item, this.room, line);
      });
    }
    if (along) this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }
}

/** @param {Line} line */
function create(line) {
  return h("li", { "data-testid": line.final ? "caption" : "partial" },
    avatar(line.person), h("span", { class: "said" }, h("strong", {}, line.person.name), " ", h("q", { lang: line.lang, dir: "auto" }, line.text), line.final && mark()),
    line.final && tools());
}

customElements.define("space-captions", SpaceCaptions);
