"""What each service may publish and hear. Subjects are those of `contracts.subjects`.

A service publishes its own events, its own dead letters and its own keys, asks anybody a question, and orders
only those that it must. A request may be answered by whoever received it (`allow_responses`).
"""

from __future__ import annotations

from typing import Any, Final

from contracts import subjects

COMMANDS_TO: Final[dict[str, tuple[str, ...]]] = {
    "gateway": subjects.SERVICES,
}
"""The services that each one may send commands to, besides itself."""

PUBLISHES: Final[dict[str, tuple[str, ...]]] = {
    "gateway": (subjects.presence("*"),),
    "media": (
        subjects.presence("*"),
        subjects.CAPTURE_SUBJECTS,
        subjects.node_heartbeat("*"),
        subjects.relayed_audio("*"),
    ),
}
"""What a service publishes besides events, answers, questions and dead letters."""

_JETSTREAM: Final = (
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.INFO.*",
    "$JS.API.STREAM.MSG.GET.*",
    "$JS.API.DIRECT.GET.>",
    "$JS.API.CONSUMER.>",
    "$JS.ACK.>",
    "$JS.FC.>",
)
"""Reading streams. Making, changing, purging and deleting them is the launcher's."""


def permissions(service: str) -> dict[str, Any]:
    """The NATS permissions of one service's user, as the server's configuration wants them."""
    publish = [
        *(subjects.events_of(context) for context in subjects.CONTEXTS_OF[service]),
        *(subjects.command(other, "*", "*") for other in (service, *COMMANDS_TO.get(service, ()))),
        subjects.query("*", "*", "*"),
        *PUBLISHES.get(service, ()),
        subjects.dead_letter(service, "*"),
        subjects.service_status(service, "*"),
        f"$KV.{subjects.LEASES_BUCKET}.{service}.>",
        *_JETSTREAM,
    ]
    if service == "media":
        publish.append(f"$KV.{subjects.NODES_BUCKET}.>")
    subscribe = [
        subjects.EVENTS_SUBJECTS,
        subjects.commands(service, "*"),
        subjects.query(service, "*", "*"),
        subjects.node_heartbeat("*"),
        subjects.service_status("*", "*"),
        subjects.dead_letter(service, "*"),
        subjects.retry(service, "*"),
        *(subjects.relay_check(context) for context in subjects.CONTEXTS_OF[service]),
        "$KV.>",
        "$JS.EVENT.ADVISORY.>",
        "_INBOX.>",
    ]
    if service == "room":
        subscribe.append(subjects.presence("*"))
    if service == "media":
        subscribe.append(subjects.relayed_audio("*"))
    return {
        "publish": {"allow": publish},
        "subscribe": {"allow": subscribe},
        "allow_responses": {"max": 16, "expires": "2m"},
    }
