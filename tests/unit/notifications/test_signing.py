"""Webhooks verify with the library of Standard Webhooks, and what was changed on its way does not."""

from __future__ import annotations

import json
import time

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.notifications.adapters.signing import new_secret, signed

BODY = json.dumps({"type": "room.started", "data": {"title": "Tea for Zoë"}}, ensure_ascii=False).encode()


def verified(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    try:
        return bool(Webhook(secret).verify(body, headers) == json.loads(body))
    except WebhookVerificationError:
        return False


def test_while_a_secret_is_rotated_either_verifies_and_no_other() -> None:
    before, after = new_secret(), new_secret()
    headers = signed([after, before], "msg_1", int(time.time()), BODY)
    assert verified(before, BODY, headers)
    assert verified(after, BODY, headers)
    assert not verified(new_secret(), BODY, headers)
    assert not verified(before, BODY, signed([after], "msg_1", int(time.time()), BODY))


@pytest.mark.parametrize("changed", ["body", "webhook-id", "webhook-timestamp"])
def test_what_was_changed_on_its_way_does_not_verify(changed: str) -> None:
    secret, now = new_secret(), int(time.time())
    headers = signed([secret], "msg_1", now, BODY)
    body = BODY
    match changed:
        case "body":
            body = BODY.replace(b"Tea", b"Pea")
        case "webhook-id":
            headers[changed] = "msg_2"
        case _:
            headers[changed] = str(now + 1)
    assert not verified(secret, body, headers)


def test_a_message_that_was_kept_back_does_not_verify_any_more() -> None:
    secret = new_secret()
    assert not verified(secret, BODY, signed([secret], "msg_1", int(time.time()) - 3600, BODY))
