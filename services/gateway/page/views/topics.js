// @ts-check
/** Choosing topics from the list that this instance has: a field to search in it, and what was chosen. */

import { api, orNull } from "../lib/api.js";
import { button, h, icon, replace, write } from "../lib/dom.js";
import { count, topicName } from "../lib/format.js";


const MOST = 3;

/** @param {string} words */
const plain = (words) => words.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim();

/**
 * Those in which a word begins with what was typed; those that begin with it come first.
 *
 * @param {readonly string[]} topics @param {string} typed
 */
export function matching(topics, typed) {
  const sought = plain(typed);
  const found = topics.filter((topic) => ` ${plain(topic)}`.includes(` ${sought}`));
  return [...found.filter((topic) => plain(topic).startsWith(sought)), ...found.filter((topic) => !plain(topic).startsWith(sought))];
}

let made = 0;

/**
 * A combobox (ARIA 1.2) over the list: type to search, arrows and Enter choose, Escape closes the list, Backspace takes
 * the last topic away.
 */
export class TopicPicker {
  #id = `topics-${made += 1}`;
  /** What there is, null while that is not known; an instance without a list takes any. @type {readonly string[] | null} */
  #all = null;
  /** @type {string[]} */
  #shown = [];
  #at = -1;
  #input = h("input", {
    id: this.#id, name: "topics", role: "combobox", autocomplete: "off", autocapitalize: "none", spellcheck: "false", placeholder: "Search topics",
    "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": `${this.#id}-list`, "aria-describedby": `${this.#id}-state`, "data-testid": "topics",
  });
  #list = h("ul", { id: `${this.#id}-list`, class: "options", role: "listbox", "aria-label": "Topics", "aria-multiselectable": "true", "data-testid": "topic-list", hidden: true });
  #state = h("small", { id: `${this.#id}-state`, role: "status" });
  #chips = h("ul", { class: "chips", "aria-label": "Chosen topics", hidden: true });
  /** Those that were chosen. @type {string[]} */
  chosen;
  element = h("div", { class: "field" },
    h("label", { for: this.#id }, h("span", {}, "Topics")), this.#chips, this.#input, this.#list, this.#state);

  /** @param {readonly string[]} [chosen] */
  constructor(chosen = []) {
    this.chosen = [...chosen];
    this.#input.addEventListener("input", () => this.#search());
    this.#input.addEventListener("click", () => this.#search());
    this.#input.addEventListener("keydown", (event) => this.#press(event));
    this.#input.addEventListener("blur", () => this.#close());
    // A press on the list leaves the focus in the field.
    this.#list.addEventListener("mousedown", (event) => event.preventDefault());
    this.#list.addEventListener("click", (event) => {
      const option = event.target instanceof Element ? event.target.closest("[role=option]") : null;
      if (option instanceof HTMLElement) this.#toggle(option.dataset.topic ?? "");
    });
    this.#draw();
    this.#load();
  }

  async #load() {
    const answer = await orNull(api.topics());
    if (!answer) return; // asked for again when somebody searches
    this.#all = answer.topics;
    if (document.activeElement === this.#input) this.#search();
    else this.#tell();
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const open = !this.#list.hidden;
    switch (event.key) {
      case "ArrowDown":
        if (open) this.#move(1);
        else this.#search();
        break;
      case "ArrowUp":
        if (open) this.#move(-1);
        else this.#search();
        break;
      case "Enter": {
        if (!this.#input.value && this.#at < 0) return; // sends the form
        const topic = this.#shown[Math.max(this.#at, 0)];
        if (topic !== undefined) this.#toggle(topic);
        break;
      }
      case "Escape":
        if (!open && !this.#input.value) return; // closes the sheet
        this.#input.value = "";
        this.#check();
        this.#close();
        break;
      case "Backspace":
        if (this.#input.value || !this.chosen.length) return;
        this.#toggle(this.chosen.at(-1) ?? "");
        break;
      default:
        return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  #search() {
    if (!this.#all) this.#load();
    const any = plain(this.#input.value).replaceAll(" ", "-");
    this.#shown = this.#all?.length === 0 ? [any].filter(Boolean) : matching(this.#all ?? [], this.#input.value);
    this.#at = -1;
    this.#check();
    this.#open();
  }

  /** What stands in the field is no topic until it is chosen. */
  #check() {
    this.#input.setCustomValidity(this.#input.value.trim() ? "Choose a topic from the list, or empty this field." : "");
  }

  #open() {
    const full = this.chosen.length >= MOST;
    replace(this.#list, this.#shown.map((topic, i) => {
      const is = this.chosen.includes(topic);
      return h("li", { id: `${this.#id}-${i}`, role: "option", "aria-selected": String(is), "aria-disabled": full && !is ? "true" : null, "data-topic": topic },
        topicName(topic), is && icon("check"));
    }));
    this.#list.hidden = this.#shown.length === 0;
    this.#input.setAttribute("aria-expanded", String(!this.#list.hidden));
    this.#mark();
    this.#tell();
  }

  #close() {
    this.#list.hidden = true;
    this.#at = -1;
    this.#input.setAttribute("aria-expanded", "false");
    this.#mark();
    this.#tell();
  }

  /** @param {number} step */
  #move(step) {
    const many = this.#shown.length;
    this.#at = this.#at < 0 && step < 0 ? many - 1 : (this.#at + step + many) % many;
    this.#mark();
  }

  /** Shows, and tells screen readers, which option is meant. */
  #mark() {
    const options = [...this.#list.children];
    options.forEach((option, i) => option.classList.toggle("at", i === this.#at));
    const at = options[this.#at];
    if (at) this.#input.setAttribute("aria-activedescendant", at.id);
    else this.#input.removeAttribute("aria-activedescendant");
    at?.scrollIntoView({ block: "nearest" });
  }

  /** Chooses a topic, or takes it away. @param {string} topic */
  #toggle(topic) {
    if (this.chosen.includes(topic)) this.chosen = this.chosen.filter((one) => one !== topic);
    else if (this.chosen.length < MOST) this.chosen.push(topic);
    else return;
    this.#input.value = "";
    this.#check();
    this.#close();
    this.#draw();
  }

  #draw() {
    this.#chips.hidden = this.chosen.length === 0;
    replace(this.#chips, this.chosen.map((topic) => h("li", {}, button({
      class: "small", "aria-label": `Remove the topic ${topicName(topic)}`, "data-testid": "topic",
      onclick: () => { this.#toggle(topic); this.#input.focus(); },
    }, topicName(topic), icon("close")))));
    this.#tell();
  }

  /** What one can do now, in words. */
  #tell() {
    const typed = this.#input.value.trim();
    const left = MOST - this.chosen.length;
    const many = this.#all?.length ?? 0;
    if (!left) write(this.#state, `${MOST} is the most. Remove one to choose another.`);
    else if (typed && !this.#all) write(this.#state, "Looking for the list of topics…");
    else if (typed && !this.#shown.length) write(this.#state, "No topic is called that.");
    else if (typed && many) write(this.#state, `${count(this.#shown.length, "topic")} found.`);
    else write(this.#state, this.chosen.length ? `Up to ${left} more.` : `Up to ${MOST}${many ? `, of ${many} topics there are` : ""}.`);
  }
}
