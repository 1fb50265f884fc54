// The provider of npm's `oidc-provider` on a port of this machine, with a user for whatever login is typed.
// Arguments: its package, the port, where browsers come back to, where it tells that somebody has signed out.
// A line `rotate` on standard input: it signs with another key from then on, beside the first. Sessions there are over.
import { createInterface } from "node:readline";
import { createServer } from "node:http";
import { generateKeyPairSync } from "node:crypto";

const [, , entry, port, back, backChannel] = process.argv;
const { Provider } = await import(entry);
const issuer = `http://127.0.0.1:${port}`;

const jwk = (kid) => ({ ...generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" }), kid, use: "sig", alg: "ES256" });
const keys = [jwk("first")];
const client = {
  client_id: "rostrum", client_secret: "a secret with : and %", redirect_uris: [back], response_types: ["code"],
  grant_types: ["authorization_code"], id_token_signed_response_alg: "ES256",
  backchannel_logout_uri: backChannel, backchannel_logout_session_required: true,
  post_logout_redirect_uris: [`${new URL(back).origin}/`],
};

const make = () => new Provider(issuer, {
  clients: [client], jwks: { keys }, cookies: { keys: ["for tests"] },
  pkce: { required: () => true },
  features: {
    backchannelLogout: { enabled: true }, devInteractions: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  // Its own would tell nobody on this machine anything.
  fetch: (url, options) => { delete options.dispatcher; return globalThis.fetch(url, options); },
  claims: { openid: ["sub"], profile: ["name", "preferred_username"] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name: `Name of ${id}`, preferred_username: id }) }),
});

let provider = make();
const server = createServer((request, response) => provider.callback()(request, response));
server.listen(Number(port), "127.0.0.1", () => console.log("ready"));
createInterface({ input: process.stdin }).on("line", (line) => {
  if (line === "rotate") {
    keys.unshift(jwk(`another-${keys.length}`));
    provider = make();
    console.log("rotated");
  }
}).on("close", () => process.exit(0));
