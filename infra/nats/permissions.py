"""What each service may publish and hear. Subjects are those of `contracts.subjects`.

A service publishes its own events, its own dead letters and its own keys, asks anybody a question (also whether a
relay has published everything), and orders only those that it must. A request may be answered by whoever received it
(`allow_responses`).
"""

from __future__ import annotations

from typing import Any, Final

from contracts import consumers, subjects
from contracts.people import v1 as people

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

KEYS: Final[dict[str, tuple[str, ...]]] = {
    "room": (people.DestroyUnits.name, people.DestroySubjects.name),
    "media": (),
    "recording": (people.DestroyUnits.name,),
    "transcription": (people.DestroyUnits.name,),
    "gateway": (),
}
"""The services that may ask people for keys, and what each may order there to be destroyed."""

_JETSTREAM: Final = (
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.INFO.*",
    "$JS.API.STREAM.MSG.GET.*",
    "$JS.API.DIRECT.GET.>",
)
"""Looking at streams. Making, changing, purging and deleting them is the launcher's."""

_LEASES: Final = f"KV_{subjects.LEASES_BUCKET}"
FOLLOWS: Final[dict[str, tuple[str, ...]]] = {
    "room": (subjects.EVENTS_STREAM, _LEASES),
    "people": (subjects.EVENTS_STREAM,),
    "discovery": (subjects.EVENTS_STREAM,),
    "media": (subjects.EVENTS_STREAM,),
    "recording": (subjects.EVENTS_STREAM,),
    "transcription": (subjects.EVENTS_STREAM, subjects.CAPTURE_STREAM),
    "tipping": (subjects.EVENTS_STREAM,),
    "gateway": (subjects.EVENTS_STREAM,),
}
"""The streams that a service reads from a place of its own, by passing consumers that it makes itself."""


def _consumers(service: str) -> tuple[list[str], list[str]]:
    """What a service may, and may not, ask of consumers: it makes no durable one, and reads no other service's."""
    allow, deny = [], []
    for stream in FOLLOWS.get(service, ()):
        allow += [f"$JS.API.CONSUMER.CREATE.{stream}", f"$JS.API.CONSUMER.MSG.NEXT.{stream}.*"]
    if service == "gateway":
        allow.append(f"$JS.API.CONSUMER.DELETE.{subjects.EVENTS_STREAM}.*")  # of what clients missed, when it is read
    for one in consumers.DURABLE:
        name = f"{one.stream}.{one.name}"
        if one.service == service:
            allow += [f"$JS.API.CONSUMER.{verb}.{name}" for verb in ("INFO", "MSG.NEXT", "RESET")]
            allow.append(f"$JS.ACK.{name}.>")
        else:
            deny.append(f"$JS.API.CONSUMER.MSG.NEXT.{name}")
        deny.append(f"$JS.API.CONSUMER.DELETE.{name}")
    return allow, deny


def _keys(service: str) -> tuple[list[str], list[str]]:
    """What a service may, and may not, ask and order about keys."""
    locks = subjects.query("people", people.LocksQuery.name, "*")
    orders = {order.name for order in (people.DestroyUnits, people.DestroySubjects, people.AcknowledgeDrop)}
    if service == "people":
        return [], []
    mine = {*KEYS[service], people.AcknowledgeDrop.name} if service in KEYS else set()
    deny = [subjects.command("people", name, "*") for name in sorted(orders - mine)]
    return (
        [subjects.command("people", name, "*") for name in sorted(mine)],
        deny if service in KEYS else [*deny, locks],
    )


def permissions(service: str) -> dict[str, Any]:
    """The NATS permissions of one service's user, as the server's configuration wants them."""
    allow, deny = _consumers(service)
    keys, no_keys = _keys(service)
    publish = [
        *(subjects.events_of(context) for context in subjects.CONTEXTS_OF[service]),
        *(subjects.passing_events_of(context) for context in subjects.CONTEXTS_OF[service]),
        *(subjects.command(other, "*", "*") for other in (service, *COMMANDS_TO.get(service, ()))),
        subjects.query("*", "*", "*"),
        subjects.relay_check("*"),
        *PUBLISHES.get(service, ()),
        subjects.dead_letter(service, "*"),
        subjects.service_status(service, "*"),
        f"$KV.{subjects.LEASES_BUCKET}.{service}.>",
        *_JETSTREAM,
        *allow,
        *keys,
    ]
    if service == "media":
        publish.append(f"$KV.{subjects.NODES_BUCKET}.>")
    subscribe = [
        subjects.EVENTS_SUBJECTS,
        subjects.PASSING_SUBJECTS,
        subjects.commands(service, "*"),
        subjects.query(service, "*", "*"),
        subjects.node_heartbeat("*"),
        subjects.service_status("*", "*"),
        subjects.dead_letter(service, "*"),
        subjects.retry(service, "*"),
        *(subjects.relay_check(context) for context in subjects.CONTEXTS_OF[service]),
        "$KV.>",
        "$JS.EVENT.ADVISORY.>",
        f"{subjects.inbox(service)}.>",
    ]
    if service == "room":
        subscribe.append(subjects.presence("*"))
    if service == "media":
        subscribe.append(subjects.relayed_audio("*"))
    return {
        "publish": {"allow": publish, "deny": [*deny, *no_keys]},
        "subscribe": {"allow": subscribe},
        "allow_responses": {"max": 16, "expires": "2m"},
    }
