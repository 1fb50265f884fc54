"""The page works also where the browser lets it keep nothing, in Node."""

from __future__ import annotations

import json

from tests.support.in_node import in_node

_BROWSER = """
Object.defineProperty(globalThis, "localStorage", { get() { throw new DOMException("no", "SecurityError"); } });
const part = () => ({ setAttribute() {}, addEventListener() {}, appendChild() {}, classList: { add() {} } });
globalThis.document = { createElement: part, createTextNode: part, createElementNS: part };
globalThis.Node = class {};
globalThis.HTMLElement = class {
  drawn = 0;
  toggleAttribute() { return false; }
  replaceChildren() { this.drawn += 1; }
  appendChild() {}
};
globalThis.customElements = { define() {} };
globalThis.fetch = async () => new Response(JSON.stringify({ reactions: ["clap"] }));
const [api, reactions] = process.argv.slice(1);
(async () => {
  const { identity } = await import(api);
  identity.become({ token: "mine", person: { id: "p", handle: "ann", name: "Ann" } });
  const { SpaceTray } = await import(reactions);
  const tray = new SpaceTray();
  tray.toggle();
  for (let i = 0; i < 1000 && tray.drawn < 2; i += 1) await new Promise((done) => setImmediate(done));
  console.log(JSON.stringify([identity.token, tray.drawn]));
})();
"""


def test_who_cannot_store_anything_is_known_and_may_react_while_the_page_is_open() -> None:
    assert json.loads(in_node(_BROWSER, ["lib/api.js", "views/reactions.js"])) == ["mine", 2]
