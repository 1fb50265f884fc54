// @ts-check
/** Who one is here: signing up, the tip jar, signing out. */

import { get, identity, post, put } from "../lib/api.js";
import { busy, button, h, replace } from "../lib/dom.js";
import { attempt, sheet, tell } from "../lib/messages.js";
import { PROVIDERS } from "./tips.js";
import { avatar, field, tick } from "./parts.js";

/** The corner of every page. */
export function mountAccount() {
  const corner = /** @type {HTMLElement} */ (document.getElementById("account"));
  const draw = () => {
    const { person } = identity;
    replace(corner, person
      ? button({ class: "me", "data-testid": "me", onclick: () => mine() },
        avatar(person), h("span", { class: "wide" }, person.name), h("span", { class: "hidden-visually" }, ", your account"))
      : button({ class: "quiet", "data-testid": "sign-up", onclick: () => signUp() }, "Sign up"));
  };
  identity.addEventListener("change", draw);
  draw();
}

/**
 * Makes sure that there is somebody. @param {string} [why] what they wanted to do
 * @returns {Promise<boolean>} whether they are signed up now
 */
export async function signUp(why = "") {
  if (identity.person) return true;
  await sheet("Who are you?", (close) => {
    const handle = h("input", {
      name: "handle", required: true, maxlength: 15, pattern: "[A-Za-z0-9_]{1,15}", autocomplete: "username",
      autocapitalize: "none", spellcheck: "false", autofocus: true, placeholder: "ada", "data-testid": "handle",
      title: "Up to 15 letters, digits or underscores",
    });
    const name = h("input", {
      name: "name", required: true, maxlength: 50, autocomplete: "name", placeholder: "Ada Lovelace", "data-testid": "name",
    });
    const send = h("button", { class: "primary", "data-testid": "sign-up-send" }, "Sign up");
    const submit = async (/** @type {Event} */ event) => {
      event.preventDefault();
      await busy(send, () => attempt(async () => {
        identity.become(await post("/v1/people", { handle: handle.value.replace(/^@/, ""), name: name.value.trim() }));
        close();
      }));
    };
    return [h("form", { class: "form", onsubmit: submit },
      h("p", {}, why || "A handle and a name are all it takes. Listening needs neither."),
      field("Handle", handle, "Letters, digits and underscores; how others find you."),
      field("Name", name, "How others see you."),
      h("div", { class: "row end" }, button({ onclick: close }, "Not now"), send))];
  }, { testid: "sign-up-sheet" });
  return identity.person !== null;
}

async function mine() {
  const { person } = identity;
  if (!person) return;
  /** @type {import("../model/types.js").Jar | null} */
  const jar = await get(`/v1/people/${person.id}/tip-jar`).catch(() => null);
  await sheet("Your account", (close) => [
    h("p", { class: "who" }, avatar(person), h("span", {}, h("strong", {}, person.name), h("small", {}, `@${person.handle}`))),
    jarForm(jar, close),
    h("div", { class: "row end" }, button({ class: "quiet", "data-testid": "sign-out", onclick: () => { identity.become(null); close(); } },
      "Sign out")),
  ], { testid: "account" });
}

/**
 * @param {import("../model/types.js").Jar | null} jar
 * @param {() => void} close
 */
function jarForm(jar, close) {
  const inputs = PROVIDERS.map(({ id, label, example }) => ({
    id, label, input: h("input", {
      name: id, value: jar?.names[id] ?? "", placeholder: example, autocapitalize: "none", spellcheck: "false", maxlength: 200,
    }),
  }));
  const enabled = h("input", { type: "checkbox", checked: jar?.enabled });
  const understood = h("input", { type: "checkbox", checked: jar?.enabled, "data-testid": "jar-understood" });
  const send = h("button", { class: "primary", "data-testid": "jar-save" }, "Save tip jar");
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    return busy(send, () => attempt(async () => {
      const names = Object.fromEntries(inputs.filter(({ input }) => input.value.trim())
        .map(({ id, input }) => [id, input.value.trim()]));
      await put("/v1/me/tip-jar", { ...names, enabled: enabled.checked, public_names_acknowledged: understood.checked });
      tell(enabled.checked ? "Your tip jar is open." : "Your tip jar is closed.");
      close();
    }));
  };
  return h("form", { class: "form", onsubmit: submit },
    h("h3", {}, "Tip jar"),
    h("p", {}, "People who listen to you can tip you there. No money passes through Rostrum."),
    inputs.map(({ label, input }) => field(label, input)),
    tick("Open: people can tip me", enabled),
    tick("I know that these names become public", understood),
    h("div", { class: "row end" }, send));
}
