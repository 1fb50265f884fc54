"""What each service may publish and hear. Subjects are those of `contracts.subjects`.

A service publishes its own events, its own dead letters and its own keys, asks anybody a question (also whether a
relay has published everything), and orders only those that it must. Answers go to inboxes, whose names nobody can
guess, and nowhere else. NATS's `allow_responses` is not used: whoever asks itself a question could then answer on any
subject. Nobody makes a consumer: NATS would deliver with permissions of its own. The launcher's user alone has facts
rewritten.
"""

from __future__ import annotations

from typing import Any, Final

from contracts import consumers, subjects
from contracts.people import v1 as people

ERASER: Final = "eraser"
"""The user who may delete messages of streams; see `infra.eraser`."""

COMMANDS_TO: Final[dict[str, tuple[str, ...]]] = {
    "gateway": subjects.SERVICES,
}
"""The services that each one may send commands to, besides itself."""

PUBLISHES: Final[dict[str, tuple[str, ...]]] = {
    "room": (f"$KV.{subjects.LEASES_BUCKET}.room.>",),
    "gateway": (subjects.presence("*"), f"$KV.{subjects.LEASES_BUCKET}.gateway.>"),
    "media": (
        subjects.presence("*"),
        subjects.CAPTURE_SUBJECTS,
        subjects.node_heartbeat("*"),
        subjects.relayed_audio("*"),
        f"$KV.{subjects.NODES_BUCKET}.>",
    ),
    "recording": (subjects.live_audio("*"), subjects.wanted_audio("*")),
}
"""What a service publishes besides events, answers, questions and dead letters."""

KEYS: Final[dict[str, tuple[str, ...]]] = {
    "room": (people.DestroyUnits.name, people.DestroySubjects.name),
    "media": (),
    "recording": (people.DestroyUnits.name,),
    "transcription": (people.DestroyUnits.name,),
    "tipping": (people.DestroyUnits.name,),
    "gateway": (),
    "discovery": (),
    "notifications": (people.DestroyUnits.name, people.DestroySubjects.name),
}
"""The services that may ask people for keys, and what each may order there to be destroyed."""

HEARS: Final[dict[str, tuple[str, ...]]] = {
    "room": (subjects.presence("*"),),
    "media": (subjects.node_heartbeat("*"), subjects.relayed_audio("*"), subjects.wanted_audio("*")),
    "recording": (subjects.relayed_audio("*"),),
    "gateway": (
        subjects.PASSING_SUBJECTS,
        subjects.node_heartbeat("*"),
        subjects.service_status("*", "*"),
        subjects.live_audio("*"),
    ),
}
"""What a service listens to on core NATS besides requests, answers and streams."""

_LEASES, _NODES = f"KV_{subjects.LEASES_BUCKET}", f"KV_{subjects.NODES_BUCKET}"
FOLLOWS: Final[dict[str, dict[str, str]]] = {
    "room": {subjects.EVENTS_STREAM: subjects.EVENTS_SUBJECTS, _LEASES: f"$KV.{subjects.LEASES_BUCKET}.room.>"},
    **{
        service: {subjects.EVENTS_STREAM: subjects.EVENTS_SUBJECTS}
        for service in ("people", "discovery", "media", "recording", "tipping", "notifications", "gateway")
    },
    "transcription": {
        subjects.EVENTS_STREAM: subjects.EVENTS_SUBJECTS,
        subjects.CAPTURE_STREAM: subjects.CAPTURE_SUBJECTS,
    },
}
"""The streams that a service reads from a place of its own, and what it hears of them as they grow."""

READS: Final[dict[str, tuple[str, ...]]] = {
    "analytics": (subjects.EVENTS_STREAM,),
    "recording": (subjects.CAPTURE_STREAM,),
}
"""The streams that a service reads parts of without following them: analytics, what an earlier version did not know;
recording, what was said in a Space that is not recorded, where it was reported."""

LOOKS_AT: Final[dict[str, tuple[str, ...]]] = {
    "gateway": (_LEASES, _NODES),
}
"""The streams of which it gets single messages besides."""


def _streams(service: str) -> list[str]:
    """What a service may ask JetStream for. It makes no consumer, and fetches from its own durable ones only."""
    allow = ["$JS.API.STREAM.INFO.*"]
    for stream in (*FOLLOWS.get(service, ()), *READS.get(service, ())):
        allow += [f"$JS.API.DIRECT.GET.{stream}", f"$JS.API.STREAM.MSG.GET.{stream}"]
    allow += [f"$JS.API.STREAM.MSG.GET.{stream}" for stream in LOOKS_AT.get(service, ())]
    for one in consumers.DURABLE:
        if one.service == service:
            for name in (f"{one.stream}.{one.name}", f"{one.stream}.{consumers.before(one.name)}"):
                allow += [f"$JS.API.CONSUMER.{verb}.{name}" for verb in ("INFO", "MSG.NEXT", "RESET")]
                allow.append(f"$JS.ACK.{name}.>")
    return allow


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


def eraser_permissions(api: str) -> dict[str, Any]:
    """Those of the eraser: it reads who is erased, and deletes single messages. It publishes nothing but its status.
    `api`: what the subjects of JetStream's API begin with for it."""
    streams = (subjects.EVENTS_STREAM, subjects.DEAD_LETTER_STREAM)
    publish = [f"{api}.STREAM.INFO.*", f"$JS.API.DIRECT.GET.{subjects.EVENTS_STREAM}"]
    publish += [f"{api}.STREAM.MSG.{verb}.{stream}" for verb in ("GET", "DELETE") for stream in streams]
    erased = subjects.event("people", "*", people.Erased.name)
    return {
        "publish": {"allow": [*publish, subjects.service_status(ERASER, "*")]},
        "subscribe": {"allow": [subjects.republished(erased), f"{subjects.inbox(ERASER)}.>"]},
    }


def permissions(service: str) -> dict[str, Any]:
    """The NATS permissions of one service's user, as the server's configuration wants them."""
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
        f"{subjects.INBOXES}>",
        *_streams(service),
        *keys,
    ]
    subscribe = [
        *(subjects.republished(heard) for heard in FOLLOWS.get(service, {}).values()),
        *HEARS.get(service, ()),
        subjects.commands(service, "*"),
        subjects.query(service, "*", "*"),
        subjects.retry(service, "*"),
        *(subjects.relay_check(context) for context in subjects.CONTEXTS_OF[service]),
        *([subjects.migration(service, "*")] if service in subjects.STORED_CONTEXTS else []),
        f"{subjects.inbox(service)}.>",
    ]
    if service in KEYS:
        subscribe.append(subjects.passing_event("people", "*", people.KeysDropped.name))
    return {
        "publish": {"allow": publish, "deny": no_keys},
        "subscribe": {"allow": subscribe},
    }
