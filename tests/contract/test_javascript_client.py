"""The JavaScript client has what the contracts say, stands alone, and is the page's only way to the server."""

from __future__ import annotations

import json
import re
from typing import Any

from contracts import page
from tests.support.in_node import in_node

PAGE = page.TARGET.parents[1]
CLIENT = PAGE / "client"
DOCUMENT: dict[str, Any] = json.loads(page.OPENAPI.read_text())
OPERATIONS = {
    operation["operationId"]: (method.upper(), address, operation)
    for address, methods in DOCUMENT["paths"].items()
    if address.startswith("/v1/")
    for method, operation in methods.items()
}
_ASK_EVERYTHING = """
const sent = {};
let last;
globalThis.fetch = async (url, { method, headers, body }) => {
  last = { url, method, type: headers["Content-Type"] ?? null, key: Boolean(headers["Idempotency-Key"]), body };
  return new Response("null");
};
import(process.argv[1]).then(async ({ Rostrum }) => {
  const rostrum = new Rostrum("http://rostrum.test/", { token: "mine" });
  for (const [name, [path, body, query]] of Object.entries(JSON.parse(process.argv[2]))) {
    const given = body === null ? [] : body === "blob" ? [new Blob(["x"], { type: "image/png" })] : [body];
    await rostrum[name](...path, ...given, { query });
    sent[name] = { ...last, at: rostrum.at[name](...path, query) };
  }
  console.log(JSON.stringify(sent));
});
"""


def test_every_operation_is_asked_at_its_address_with_what_it_takes() -> None:
    asked: dict[str, list[Any]] = {}
    for name, (_, _, operation) in OPERATIONS.items():
        parameters = operation.get("parameters", ())
        content = list(operation.get("requestBody", {}).get("content", {}))
        body = (
            None
            if not content
            else {"a": 1}
            if content == ["application/json"]
            else "a"
            if len(content) == 1
            else "blob"
        )
        values = {one["name"]: "y z" for one in parameters if one["in"] == "query"} | {"not": None}
        asked[name] = [["a/b" for one in parameters if one["in"] == "path"], body, values]
    sent = json.loads(in_node(_ASK_EVERYTHING, ["client/index.js"], json.dumps(asked)))
    for name, (method, address, operation) in OPERATIONS.items():
        query = "&".join(f"{key}=y+z" for key, value in asked[name][2].items() if value)
        url = "http://rostrum.test" + re.sub(r"{\w+}", "a%2Fb", address) + (f"?{query}" if query else "")
        content = list(operation.get("requestBody", {}).get("content", {}))
        assert (sent[name]["method"], sent[name]["url"], sent[name]["at"]) == (method, url, url)
        assert sent[name]["type"] in (content or [None])
        assert sent[name]["key"] == (method != "GET")


def test_the_page_reaches_the_server_by_the_client_alone() -> None:
    others = [file for file in PAGE.rglob("*.js") if CLIENT not in file.parents]
    assert len(others) > 40
    for file in others:
        text = file.read_text()
        assert "/v1" not in text, f"{file.name} writes an address that the client knows"
        assert not re.search(r"\bfetch\(|XMLHttpRequest|sendBeacon|new WebSocket\(", text), file.name
        for address in re.findall(r"new EventSource\((.*)\)", text):
            assert address.startswith("this.address("), file.name
    known = [file.name for file in CLIENT.rglob("*.js") if "/v1/" in file.read_text()]
    assert known == ["operations.js"]


def test_the_client_needs_nothing_of_the_page() -> None:
    for file in CLIENT.rglob("*.[jt]s"):
        for name in re.findall(r'from "([^"]+)"', file.read_text()):
            assert CLIENT in (file.parent / name).resolve().parents, f"{file.name} imports {name}"
    assert set(json.loads((CLIENT / "package.json").read_text())) & {"dependencies", "peerDependencies"} == set()


def test_an_operation_that_the_contracts_lack_is_no_method() -> None:
    assert set(re.findall(r"^  (\w+): \[", (CLIENT / "contracts" / "operations.js").read_text(), re.MULTILINE)) == set(
        OPERATIONS
    )
