// @ts-check
/** Who one is here: signing up, one's account, signing out. */

import { api, identity, orNull } from "../lib/api.js";
import { busy, button, h, replace } from "../lib/dom.js";
import { attempt, sheet } from "../lib/messages.js";
import { howToSignIn, leaveToSignIn, signOut } from "../lib/sign_in.js";
import { atMost } from "../lib/words.js";
import { jarForm } from "./jar.js";
import { noticesForm } from "./notices.js";
import { avatar, field } from "./parts.js";
import { HANDLE, editProfile } from "./profile.js";
import { providers } from "./providers.js";

/** @import { NewPerson } from "../client/contracts/api.js" */

/** The corner of every page. */
export function mountAccount() {
  const corner = /** @type {HTMLElement} */ (document.getElementById("account"));
  let enter = "Sign in";
  const draw = () => {
    const { person } = identity;
    replace(corner, person
      ? button({ class: "me", "data-testid": "me", onclick: () => mine() },
        avatar(person), h("span", { class: "wide" }, person.name), h("span", { class: "hidden-visually" }, ", your account"))
      : button({ class: "quiet", "data-testid": "sign-up", onclick: () => signUp() }, enter));
  };
  identity.addEventListener("change", draw);
  identity.addEventListener("renamed", draw);
  draw();
  howToSignIn().then((how) => {
    if (how?.mode !== "development") return;
    enter = "Sign up";
    draw();
  });
}

/**
 * Makes sure that there is somebody. @param {string} [why] what they wanted to do
 * @returns {Promise<boolean>} whether they are signed up now
 */
export async function signUp(why = "") {
  if (identity.person) return true;
  const how = await howToSignIn();
  if (how?.mode !== "development") {
    leaveToSignIn(how);
    return false;
  }
  await sheet("Who are you?", (close) => {
    const handle = h("input", { ...HANDLE, autofocus: true, placeholder: "ada", "data-testid": "handle" });
    const name = atMost(50, h("input", {
      name: "name", required: true, autocomplete: "name", placeholder: "Ada Lovelace", "data-testid": "name",
    }));
    const send = h("button", { class: "primary", "data-testid": "sign-up-send" }, "Sign up");
    const submit = async (/** @type {Event} */ event) => {
      event.preventDefault();
      await busy(send, () => attempt(async () => {
        /** @type {NewPerson} */
        const wanted = { handle: handle.value.replace(/^@/, ""), name: name.value.trim() };
        const { token, person } = await api.signUp(wanted);
        identity.become({ token, person });
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
  const [jar, all] = await Promise.all([
    orNull(api.getTipJar(person.id)), providers(),
  ]);
  await sheet("Your account", (close) => [
    h("p", { class: "who" }, avatar(person), h("span", {}, h("strong", {}, person.name), h("small", {}, `@${person.handle}`))),
    h("div", { class: "row" }, button({ "data-testid": "edit-profile", onclick: () => { close(); editProfile(); } },
      "Edit profile")),
    noticesForm(),
    // A form that is empty because nothing was read would empty the jar.
    jar ? jarForm(jar, all, close) : h("p", {}, "Your tip jar cannot be shown at the moment. Try again later."),
    h("div", { class: "row end" }, button({ class: "quiet", "data-testid": "sign-out", onclick: () => { signOut(); close(); } },
      "Sign out")),
  ], { testid: "account" });
}
