// A server of your product, in Node: it tells Rostrum of a person, creates a Space for them, and follows what happens in it.
//
// Needs `npm install ./services/gateway/page/client`, and a key of
// `rostrum keys create example --for people --for spaces --for tokens --for events`:
//
//     ROSTRUM_URL=http://127.0.0.1:8080 ROSTRUM_KEY=rsk_... node follow_spaces.mjs

import { follow, Problem, Rostrum } from "rostrum-client";

const { ROSTRUM_URL, ROSTRUM_KEY } = process.env;
const server = new Rostrum(ROSTRUM_URL, { token: ROSTRUM_KEY });
const ada = { query: { subject: "u-17" } };

await server.serverPutPerson({ name: "Ada Lovelace", handle: "ada" }, ada);
try {
  await server.serverCreateSpace({ title: "" }, ada);
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  console.log(`no Space: ${error.message}`);
}
const space = await server.serverCreateSpace({ title: "On bees" }, ada);
console.log(`${space.host.name} talks about ${space.settings.title}`);

// What a client of Ada's would do, with a token that your server gives it.
const { token } = await server.serverMakeToken({ rights: ["listen", "take_part", "host"] }, ada);
await new Rostrum(ROSTRUM_URL, { token }).endSpace(space.id);

// "0" is from the beginning; a server of yours keeps the id of the last event that it took in, and continues there.
const open = (place, options) => server.serverEvents({ query: { space: space.id, ...place }, ...options });
for await (const { name, data } of follow(open, "0")) {
  if (name === "room.started") console.log(`${name}: by ${data.host.name}`);
  else if (name === "room.ended") console.log(`${name}: ${data.reason}`);
  else console.log(name);
  if (name === "room.ended") break;
}
