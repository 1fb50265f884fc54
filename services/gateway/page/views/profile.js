// @ts-check
/** What one says of oneself. */

import { api, identity } from "../lib/api.js";
import { busy, button, h } from "../lib/dom.js";
import { attempt, sheet, tell } from "../lib/messages.js";
import { atMost } from "../lib/words.js";
import { deleteAccount } from "./erase.js";
import { downloadMine } from "./export.js";
import { field } from "./parts.js";
import { pictureField } from "./picture.js";

/** @import { NewProfile } from "../client/contracts/api.js" */

export const HANDLE = {
  name: "handle", required: true, maxlength: 15, pattern: "[A-Za-z0-9_]{1,15}", autocomplete: "username",
  autocapitalize: "none", spellcheck: "false", title: "Up to 15 letters, digits or underscores",
};
const MOST_LINKS = 5;

/** Lets one change one's profile. */
export async function editProfile() {
  const me = await attempt(() => api.getMe());
  if (!me) return;
  await sheet("Edit profile", (close) => {
    const name = atMost(50, h("input", {
      name: "name", required: true, autocomplete: "name", value: me.name, autofocus: true, "data-testid": "profile-name",
    }));
    const handle = h("input", { ...HANDLE, value: me.handle, "data-testid": "profile-handle" });
    const bio = atMost(160, h("textarea", { name: "bio", rows: 3, "data-testid": "profile-bio" }));
    bio.value = me.bio ?? "";
    const links = h("textarea", {
      name: "links", rows: 2, autocapitalize: "none", spellcheck: "false", "data-testid": "profile-links",
    });
    links.value = (me.links ?? []).join("\n");
    const send = h("button", { class: "primary", "data-testid": "profile-save" }, "Save");
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      return busy(send, () => attempt(async () => {
        /** @type {NewProfile} */
        const wanted = {
          name: name.value.trim(), handle: handle.value.replace(/^@/, ""), bio: bio.value,
          links: links.value.split(/\s+/).filter(Boolean),
        };
        const person = await api.changeProfile(wanted);
        identity.rename(person);
        tell("Your profile is changed.");
        close();
      }));
    };
    return [pictureField(me), h("form", { class: "form", onsubmit: submit },
      field("Name", name, "How others see you."),
      field("Handle", handle, "Your old one is free for others at once."),
      field("About you", bio, "Up to 160 characters."),
      field("Links", links, `Up to ${MOST_LINKS} whole addresses, one a line.`),
      h("div", { class: "row end" }, button({ onclick: close }, "Cancel"), send)),
    h("div", { class: "row" }, button({
      class: "quiet small", "data-testid": "export", onclick: () => attempt(downloadMine),
    }, "Download my data"), button({
      class: "quiet small", "data-testid": "erase", onclick: () => { close(); deleteAccount(me); },
    }, "Delete my account"))];
  }, { testid: "profile-sheet" });
}

/** A button that leads to somebody's podcast feed. @param {{ id: string, name: string }} person */
export const podcastLink = (person) => h("a", {
  class: "button small", href: api.at.getPodcast(person.id), rel: "alternate", type: "application/rss+xml", "data-testid": "podcast",
  title: `Recorded Spaces of ${person.name}, for a podcast player`,
}, "Podcast feed");

/** Tells players of podcasts and the browser whose podcast belongs to this page. @param {{ id: string, name: string } | null} person */
export function announcePodcast(person) {
  document.head.querySelector("link[rel=alternate]")?.remove();
  if (!person) return;
  document.head.append(h("link", { rel: "alternate", type: "application/rss+xml", href: api.at.getPodcast(person.id), title: person.name }));
}

/**
 * What somebody says of themself; empty until it is known.
 *
 * @param {string} personId
 */
export function about(personId) {
  const element = h("div", { class: "about", "data-testid": "about" });
  attempt(async () => {
    const person = await api.getPerson(personId);
    if (person.bio) element.append(h("p", { class: "bio" }, person.bio));
    element.append(h("p", {}, podcastLink(person)));
    for (const link of person.links ?? []) {
      element.append(h("p", {}, h("a", { href: link, target: "_blank", rel: "noopener noreferrer nofollow ugc" }, link)));
    }
  });
  return element;
}
