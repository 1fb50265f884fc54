"""What the page makes of coming back from signing in, in Node."""

from __future__ import annotations

import pytest

from tests.unit.gateway.test_page_answers import shown

_STEPS = """
  globalThis.history = { state: null, replaceState() {} };
  const { identity } = await import(new URL("api.js", process.argv[1]));
  const person = { id: "p", handle: "ada", name: "Ada" };
  identity.become({ token: "of ada", person });
  location.hash = "#signed-in";
  const back = module.comeBack().catch(() => undefined);
  await settle();
  waiting[0].give(%s);
  await back;
  say([waiting[0].path, identity.token]);
"""


@pytest.mark.parametrize(
    ("answer", "token"),
    [
        ("{ reason: 'unauthenticated', detail: 'Nobody has just signed in.' }, 401", "of ada"),
        ("{ token: 'of eve', person: { ...person, handle: 'eve' } }", "of eve"),
    ],
    ids=["no token waits", "one waits"],
)
def test_a_link_to_the_address_that_one_comes_back_to_signs_nobody_out(answer: str, token: str) -> None:
    assert shown("lib/sign_in.js", _STEPS % answer) == ["/v1/sign-in/token", token]


def test_while_it_cannot_be_told_how_to_sign_in_nobody_is_asked_to_sign_up() -> None:
    steps = """
  const asked = module.howToSignIn();
  await settle();
  waiting[0].give({ reason: "not_allowed", detail: "Not now." }, 403);
  const first = await asked;
  const again = module.howToSignIn();
  await settle();
  waiting[1].give({ mode: "oidc", sign_in: "/sign-in", sign_out: "/sign-out" });
  say([first, (await again).mode]);
"""
    assert shown("lib/sign_in.js", steps) == [None, "oidc"]
