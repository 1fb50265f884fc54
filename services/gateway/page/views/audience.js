// @ts-check
/** Who is there, a page at a time. Hosts find here whom to invite to speak. */

import { api } from "../lib/api.js";
import { button, h, replace } from "../lib/dom.js";
import { roleName } from "../lib/format.js";
import { attempt, sheet } from "../lib/messages.js";
import { avatar } from "./parts.js";
import { personSheet } from "./person.js";

/** @import { Participants } from "../client/contracts/api.js" */

const PAGE = 50;

/** @param {import("../model/room.js").Room} room */
export async function audienceSheet(room) {
  /** @param {string} after @returns {Promise<Participants>} */
  const page = (after) => api.participants(room.id, { query: { limit: PAGE, after } });
  const first = await page("");
  await sheet("Who is here", (close) => {
    const list = h("ul", { class: "queue", "data-testid": "audience-list" });
    const more = h("div", { class: "row end" });
    const show = (/** @type {Participants} */ { people, next }) => {
      for (const { person, role } of people) {
        list.append(h("li", { "data-testid": "audience-row" }, avatar(person), h("span", { class: "by" }, person.name, h("small", {}, roleName(role))), button({
          class: "small", "data-testid": "audience-person", "aria-label": `What you can do with ${person.name}`,
          onclick: () => { close(); return personSheet(room, person); },
        }, "More")));
      }
      replace(more, next && button({ onclick: () => attempt(async () => show(await page(next))) }, "Show more"));
    };
    show(first);
    return [h("p", {}, "Who listens by link alone, or hides what they listen to, is counted and not listed."), list, more];
  }, { testid: "audience" });
}
