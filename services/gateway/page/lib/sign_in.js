// @ts-check
/** Signing in where people come from elsewhere: the browser goes there and comes back. */

import { api, identity, orNull } from "./api.js";
import { confirm, tell } from "./messages.js";
import { canPush, turnOff, wantedHere } from "./push.js";

/** @import { HowToSignIn } from "../client/contracts/api.js" */

const READY = "#signed-in";
const FAILED = "#sign-in-";
/** Before a token of the product that this is a part of. In a fragment, which is sent to no server. */
const BROUGHT = "#token=";
const UNAVAILABLE = "One cannot sign in at the moment; try again a little later.";
/** What went wrong there. @type {Record<string, string>} */
const WORDS = {
  cancelled: "You did not sign in.",
  expired: "Signing in took too long; try again.",
  unavailable: UNAVAILABLE,
};
/** @type {Promise<HowToSignIn | null> | null} */
let asked = null;

/** How to sign in here; null where that cannot be told at the moment. @returns {Promise<HowToSignIn | null>} */
export function howToSignIn() {
  const asking = asked ?? orNull(api.getIdentity()).then((how) => {
    if (!how) asked = null; // it may be known later
    return how;
  });
  asked = asking;
  return asking;
}

/** Leave to sign in. @param {HowToSignIn | null} how */
export function leaveToSignIn(how) {
  if (!how) tell(UNAVAILABLE, { bad: true });
  else if (how.sign_in) location.assign(`${how.sign_in}?${new URLSearchParams({ return_to: location.pathname })}`);
  else tell("Sign in where you have your account, and come here from there.");
}

/** Take in what became of signing in, where one comes back from it or from the product that this is a part of. */
export async function comeBack() {
  const { hash } = location;
  if (hash !== READY && !hash.startsWith(FAILED) && !hash.startsWith(BROUGHT)) return;
  history.replaceState(history.state, "", location.pathname + location.search);
  if (hash.startsWith(BROUGHT)) {
    await takeIn(hash.slice(BROUGHT.length));
    return;
  }
  if (hash !== READY) {
    tell(WORDS[hash.slice(FAILED.length)] ?? "You were not let in; ask those who run this place.", { bad: true });
    return;
  }
  // As nobody: a link to this address must not sign out whoever follows it, when no token waits for them.
  const { token, person } = await api.takeToken({ token: null, once: true });
  identity.become({ token, person });
}

/**
 * Sign in with the token that somebody's product gave them. Whoever is signed in already as somebody else is asked first:
 * anybody can make a link with a token of their own.
 *
 * @param {string} token
 */
async function takeIn(token) {
  if ((await howToSignIn())?.mode !== "tokens") return;
  const { id, handle, name, picture = null } = await api.getMe({ token, once: true });
  const other = identity.person;
  if (other && other.id !== id && !await confirm(`Continue as ${name}?`,
    `You are signed in here as ${other.name} (@${other.handle}), and this link is ${name}’s (@${handle}).`, "Continue")) return;
  identity.become({ token, person: { id, handle, name, picture } });
}

/** Sign out here, and where one signed in. */
export async function signOut() {
  const how = await howToSignIn();
  // Who comes here next is not to see what is for them. Where nobody answers, the browser has forgotten it all the same.
  if (canPush() && wantedHere()) await turnOff().catch(() => undefined);
  if (how?.mode === "oidc") await api.revokeMyToken().catch(() => undefined); // it may be over already
  identity.become(null);
  if (how?.sign_out) location.assign(how.sign_out);
}
