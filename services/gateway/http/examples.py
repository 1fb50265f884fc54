"""An example for every operation of the OpenAPI document, put together from its own schemas.

A field has the value that `_SAYS` has for its name, else its default, else one that its type allows. `_OF` says what
differs in one schema. So a new field or operation has an example without a word here, unless it needs a better one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

ADA: Final = "01jd3v8q2m7x4k9t6r5w0yabcd"
BO: Final = "01jd3v8q2p4d6f8h0k2n4r6t8w"
SPACE: Final = "01jd3v9f4rs7t2v6w8x0y1z234"
SESSION: Final = "01jd3v9g7c2e4g6j8m0p2r4t6v"
REPORT: Final = "01jd3vb5n7q9s1v3x5z7a9c1e3"
CAPTION: Final = f"{SESSION}-17"
_LEFT_OUT: Final = object()
_BO: Final = {"id": BO, "handle": "bo", "name": "Bo Didley", "picture": None}

_SAYS: Final[dict[str, Any]] = {
    # who
    "person_id": ADA, "host_id": ADA, "creator_id": ADA, "author_id": ADA, "recipient": ADA, "payer": BO,
    "reporter_id": BO, "actor_id": ADA, "handle": "ada", "username": "ada", "name": "Ada Lovelace",
    "bio": "Mathematics, and what engines may do with it.", "subject": "u-17", "confirmation": "@ada",
    "links": ["https://ada.example.org"],
    # where
    "space_id": SPACE, "session_id": SESSION, "report_id": REPORT, "caption_id": CAPTION,
    "pin_id": "01jd3va1b3d5f7h9k1n3q5s7v9", "tip_id": "01jd3va2c4e6g8j0m2p4r6t8w0",
    "subscription_id": "0vq2c6t1m9k4r8p3s5d7f1h2j4",
    "webhook_id": "01jd3v9f4rs7t2v6w8x0y1z2w3", "entry_id": "101-0", "resource_id": "4f1d2c3b5a69788796a5b4c3d2e1f001",
    "code": "K7QH-3MZP", "node_id": "media-1", "title": "On bees", "topics": ["science"], "lang": "en",
    "words": ["waggle dance"], "languages": ["en"], "platform": "web", "url": "https://bees.example.org/dance",
    # when
    "created_at": "2026-12-01T18:55:00Z", "scheduled_start": "2026-12-01T19:00:00Z",
    "started_at": "2026-12-01T19:00:16Z", "joined_at": "2026-12-01T19:00:16Z", "began_at": "2026-12-01T19:00:16Z",
    "at": "2026-12-01T19:04:30Z", "since": "2026-12-01T12:00:00Z", "start_at": "2026-12-01T19:04:30Z",
    "end_at": "2026-12-01T19:04:33Z", "expires_at": "2026-12-01T20:00:00Z", "ends_at": "2026-12-01T19:10:00Z",
    "suspended_at": "2026-12-01T18:00:00Z", "event_at": "2026-12-01T19:00:16Z",
    # what was said
    "text": "A bee dances where the flowers are.", "message": "May I ask about the queen?", "comment": "Advertising.",
    "explanation": "You advertised your shop in every Space.", "note": "For the honey", "what": "is too short",
    "where": "body.title", "reason": "spam",
    # figures
    "version": 12, "listeners": 148, "seconds": 1834.5, "duration_seconds": 1834.5, "peak_listeners": 201,
    "total_listeners": 348, "followers": 1210, "following": 87, "lease_seconds": 15.0, "bytes": 14_680_064,
    "start": 0.0, "end": 0.4, "confidence": 0.97, "status": 204, "attempt": 1, "milliseconds": 41,
    "amount_minor": 500, "currency": "EUR", "provider": "paypal",
    # between programs
    "token": "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwMWpkM3Y4cSJ9.c2lnbmF0dXJl",
    "message_id": "msg_01jd3v9f4rs7t2v6w8x0y1z2w3_77", "type": "room.started", "link": "https://paypal.me/ada/5EUR",
    "reaction": "heart", "events": ["room.started", "room.ended"], "skin_tone": 3,
}  # fmt: skip
"""What a field of that name says, wherever its type allows."""

_OF: Final[dict[str, dict[str, Any]]] = {
    "Acceptance": {"consent_to_recording": True},
    "Appeal": {"text": "It was somebody else with my password."},
    "Because": {"explanation": "It was somebody else."},
    "Caption": {"id": CAPTION},
    "ChangedWebhook": {"events": ["room.started", "room.ended"]},
    "Changes": {"title": "On bees and wasps", "captions": True},
    "Closing": {"outcome": "acted", "explanation": "The Space was ended."},
    "CopiedCaption": {"id": CAPTION},
    "Corrected": {"text": "A bee dances to show where the flowers are."},
    "Delivery": {"id": 4711, "outcome": "delivered"},
    "Evidence": {"kind": "caption", "reference": CAPTION, "from_seconds": None, "to_seconds": None},
    "GivenChapter": {"title": "The dance"},
    "Halted": {"reader": "discovery", "event_id": "77-0", "sequence": 4711, "why": "unknown field", "subject":
               f"rostrum.room.v1.{SPACE}.started"},
    "HostingAnswer": {"allowed": True, "sentence": "You may host."},
    "HowToSignIn": {"mode": "oidc", "sign_in": "/sign-in", "sign_out": "/sign-out"},
    "Invitation": {"person": _BO, "invited_by": ADA},
    "InvitationCode": {"note": "For the beekeepers", "uses": 50, "used": 12},
    "KeptSound": {"people": [], "address": None},
    "Languages": {"languages": ["auto", "de", "en"]},
    "LinesTaken": {"lines": 2, "refused": 1},
    "LogEntry": {"id": "101-0", "act": "suspend", "what": "suspended", "title": "", "api_key": None},
    "MinuteCount": {"minute": 0},
    "MirroredPerson": {"reason": None, "detail": None},
    "NewAppeal": {"text": "It was somebody else with my password."},
    "NewBrowser": {
        "address": "https://updates.push.services.mozilla.com/wpush/v2/gAAAAABm", "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "reminders": True, "live": True,
    },
    "NewCode": {"note": "For the beekeepers", "uses": 50},
    "NewInvitation": {"person_id": BO, "to": "speak"},
    "NewJar": {"enabled": True, "names": {"paypal": "ada"}, "public_names_acknowledged": True},
    "NewPerson": {"handle": "ada", "name": "Ada Lovelace"},
    "NewPin": {"text": "The dance, filmed", "url": "https://bees.example.org/dance"},
    "NewPolicy": {"rule": {"who": "followers", "followers": 600, "percentage": 100}},
    "NewPrivacy": {"protected": True},
    "NewProfile": {"name": "Ada Lovelace", "bio": "Mathematics, and what engines may do with it."},
    "NewReaction": {"reaction": "heart"},
    "NewRemoval": {"person_id": BO, "reason": "Interrupts everybody"},
    "NewReport": {"person_id": ADA, "space_id": SPACE, "reason": "spam", "comment": "Advertising."},
    "NewRequest": {"message": "May I ask about the queen?", "consent_to_recording": True},
    "NewSession": {"source": "link", "platform": "web"},
    "NewSpace": {"title": "On bees", "recorded": True, "captions": True, "topics": ["science"]},
    "NewSuspension": {"reason": "spam", "explanation": "You advertised your shop in every Space."},
    "NewTip": {"to": ADA, "provider": "paypal", "amount_minor": 500, "currency": "EUR", "note": "For the honey"},
    "NewWebhook": {"url": "https://app.example.org/hooks/rostrum", "events": ["room.*"]},
    "NodeFigures": {"address": "203.0.113.7:7882", "capacity": 2000, "sessions": 412, "draining": False},
    "Offences": {"reasons": ["spam", "harassment", "other"]},
    "OverviewFigures": {"media": {"sessions": 412}, "next": None, "position": "4711", "packets": 812_440, "lost": 3,
                        "streams": 398, "dead_letters": 0},
    "Participant": {"person": _BO, "role": "listener"},
    "PassedOver": {"event_id": "77-0", "explanation": "Made by a version that was taken back."},
    "Pin": {"id": "01jd3va1b3d5f7h9k1n3q5s7v9", "text": "The dance, filmed", "pinned_at": "2026-12-01T19:03:00Z"},
    "Person": {"id": ADA, "picture": f"/v1/people/{ADA}/picture?v={REPORT}"},
    "PersonRef": {"id": ADA},
    "Problem": {"type": "urn:rostrum:problem:not_allowed", "title": "Forbidden", "status": 403,
                "detail": "Only the host and co-hosts may do this.", "reason": "not_allowed",
                "instance": f"/v1/spaces/{SPACE}/mute-all", "faults": _LEFT_OUT,
                "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"},
    "Provider": {"id": "paypal", "label": "PayPal", "name_hint": "Your name in paypal.me", "name_pattern": "^[a-z]+$",
                 "name_example": "ada", "takes_amount": True},
    "Quality": {"direction": "subscribe", "fraction_lost": 0.001, "jitter_ms": 3.2, "round_trip_ms": 24.0},
    "Reactions": {"reactions": ["heart", "wave"], "with_skin_tone": ["wave"]},
    "RefusedLine": {"line": 2, "reason": "person_unknown", "detail": "u-3 has not been told of."},
    "Replay": {"since": "2026-12-01T12:00:00Z", "failed": True},
    "Replayed": {"events": 12, "more": False},
    "ReplayView": {"state": "ready", "mix": f"/v1/spaces/{SPACE}/replay.m4a"},
    "Report": {"id": REPORT, "handle": "ada", "name": "Ada Lovelace", "explanation": "", "reporter": _BO},
    "Rotation": {"keep_seconds": 3600},
    "Sanction": {"reason": "spam", "explanation": "You advertised your shop in every Space."},
    "SessionOpened": {"role": "listener"},
    "SignedLink": {"url": f"/v1/spaces/{SPACE}/replay.m4a?link=1764615000.4f1d2c3b"},
    "SpaceCard": {"id": SPACE, "state": "live"},
    "SpaceFigures": {"reactions": {"heart": 31}, "sources": {"link": 120}, "talk_seconds_by_speaker": {ADA: 1211.0},
                     "speakers": 3, "through_sequence": 4711},
    "SpaceView": {"id": SPACE, "state": "live", "captions_in": ["en"], "removed": [], "invited": [BO]},
    "PastSpace": {"id": SPACE, "state": "live", "newest": 12, "version": 7, "removed": [], "invited": [BO]},
    "SpeakRequest": {"person": _BO, "requested_at": "2026-12-01T19:04:00Z"},
    "Spread": {"p50": 3.1, "p95": 9.8, "worst": 41.0},
    "StageMember": {"role": "host", "muted": False},
    "Status": {"service": "room", "instance": "room-1", "health_port": 41207, "pid": 2211, "ready": True},
    "Subscription": {"id": "0vq2c6t1m9k4r8p3s5d7f1h2j4", "service": "updates.push.services.mozilla.com", "live": True},
    "Subscriptions": {
        "key": "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
    },
    "Suspension": {"reason": "spam", "explanation": "You told everybody of your shop."},
    "Tip": {"id": "01jd3va2c4e6g8j0m2p4r6t8w0", "person_id": ADA, "offered_at": "2026-12-01T19:05:00Z"},
    "TipJar": {"person_id": ADA, "enabled": True, "names": {"paypal": "ada"}},
    "ToldOfOne": {"name": "Ada Lovelace", "handle": "ada", "protected": False},
    "ToldOfOneOfMany": {"subject": "u-17", "name": "Ada Lovelace"},
    "Topics": {"topics": ["music", "science"]},
    "TrackView": {"url": f"/v1/spaces/{SPACE}/tracks/{ADA}.ogg", "offset_seconds": 0.0},
    "Transcript": {"state": "complete"},
    "Verdict": {"granted": True, "answer": "You are right; the suspension is over."},
    "Wanted": {"address": f"/v1/spaces/{SPACE}/replay.m4a"},
    "WantedToken": {"rights": ["listen", "take_part"], "seconds": 900},
    "Webhook": {"id": "01jd3v9f4rs7t2v6w8x0y1z2w3", "url": "https://app.example.org/hooks/rostrum", "state": "active",
                "rights": ["events"], "key_id": None},
    "WebhookWithSecret": {"id": "01jd3v9f4rs7t2v6w8x0y1z2w3", "url": "https://app.example.org/hooks/rostrum",
                          "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "state": "active", "rights": ["events"]},
    "Word": {"text": "bee"},
    "WordList": {"words": ["waggle dance", "Apis mellifera"]},
    "XError": {"title": "Not Found Error", "detail": "There is no such Space.", "type": "about:blank",
               "parameter": "ids", "resource_id": SPACE, "resource_type": "space", "value": SPACE},
    "XMeta": {"result_count": 1},
    "XSpace": {"id": SPACE, "state": "live", "host_ids": [ADA]},
    "XTopic": {"id": "science", "name": "science"},
    "XTweet": {"id": "01jd3va1b3d5f7h9k1n3q5s7v9", "text": "The dance, filmed", "edit_history_tweet_ids":
               ["01jd3va1b3d5f7h9k1n3q5s7v9"]},
    "XUser": {"id": ADA},
}  # fmt: skip
"""Fields of one schema that are other than their names tell. A body has these and what it must have, and no more."""

_OFTEN: Final = frozenset({"data", "meta", "summary"})
"""What an answer may lack and usually has."""
_SPARSE: Final = "X"
"""Names of the schemas of X API v2 begin so; their answers leave out what is null."""

_SDP: Final = (
    "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:EsAw\r\n"
    "a=ice-pwd:bP+XJMM09aR8AiX1jdukzR6Y\r\na=fingerprint:sha-256 DA:39:A3:EE:5E:6B:4B:0D:32:55:BF:EF:95:60:18:90:"
    "AF:D8:07:09:DA:39:A3:EE:5E:6B:4B:0D:32:55:BF:EF\r\na=setup:{setup}\r\na=rtpmap:111 opus/48000/2\r\n"
)
_TEXTS: Final = {
    "application/sdp": _SDP.format(setup="actpass"),
    "application/trickle-ice-sdpfrag": (
        "a=ice-ufrag:EsAw\r\na=ice-pwd:bP+XJMM09aR8AiX1jdukzR6Y\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
        "a=candidate:1 1 UDP 2130706431 203.0.113.9 46154 typ host\r\n"
    ),
    "application/vnd.apple.mpegurl": (
        "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:17\n"
        '#EXT-X-MAP:URI="init.mp4?key=c2VjcmV0"\n#EXTINF:4.00000,\nsegment-17.m4s?key=c2VjcmV0\n'
    ),
    "application/rss+xml": '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel/></rss>\n',
    "application/json+chapters": '{"version": "1.2.0", "chapters": [{"startTime": 312.5, "title": "The dance"}]}',
    "application/x-subrip": "1\n00:00:01,200 --> 00:00:03,900\nAda Lovelace: A bee dances where the flowers are.\n",
    "text/vtt": "WEBVTT\n\n00:00:01.200 --> 00:00:03.900\n<v Ada Lovelace>A bee dances where the flowers are.\n",
    "application/x-ndjson": (
        '{"subject": "u-1", "does": "follow", "whom": "u-2"}\n{"subject": "u-1", "does": "block", "whom": "u-3"}\n'
    ),
    "text/event-stream": (
        f'id: 4711\nevent: room.started\ndata: {{"space_id": "{SPACE}", "version": 2, '
        f'"host": {{"id": "{ADA}", "handle": "ada", "name": "Ada Lovelace"}}}}\n\n'
    ),
}  # fmt: skip
_PLAIN: Final = {
    "metrics": 'rostrum_http_requests_total{method="GET",route="/v1/spaces",status="200"} 31.0\n',
    "getTranscriptFile": "Ada Lovelace: A bee dances where the flowers are.\n",
}
_ANSWERS: Final[dict[str, Any]] = {
    "healthz": {"status": "alive"},
    "readyz": {"status": "ready"},
}
_PARAMETERS: Final[dict[str, Any]] = {
    "ids": SPACE, "user_ids": ADA, "query": "bees", "id": SPACE, "q": "bees", "report": REPORT, "piece": 0,
    "number": 17, "format": "vtt", "key": "c2VjcmV0",
}  # fmt: skip


def add(document: dict[str, Any]) -> None:
    """Give every operation of a document an example of each thing that it takes and answers.

    What is no text has none: pictures, sound, archives.
    """
    made = _Made(document["components"]["schemas"])
    for operations in document["paths"].values():
        for operation in operations.values():
            id = operation["operationId"]
            for parameter in operation.get("parameters", ()):
                if parameter["required"] and "examples" not in parameter["schema"]:
                    parameter["example"] = made.parameter(parameter)
            for media, content in operation.get("requestBody", {}).get("content", {}).items():
                if "example" not in content:
                    content.update(made.content(id, media, content["schema"], sent=True))
            for status, response in operation["responses"].items():
                if status[0] == "2":
                    for media, content in response.get("content", {}).items():
                        content.update(made.content(id, media, content["schema"], sent=False))
    schemas = document["components"]["schemas"]
    schemas["Problem"]["examples"] = [made.of("Problem", sent=False)]
    document["components"]["examples"] = dict(sorted(made.shared.items()))


class _Made:
    """Makes examples, each of a named schema once."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self._schemas = schemas
        self.shared: dict[str, Any] = {}
        """The document's `components/examples`."""

    def content(self, id: str, media: str, schema: Schema, *, sent: bool) -> dict[str, Any]:
        """What is said of one kind of body or answer: `example`, or `examples` that are shared; nothing of bytes."""
        if schema.get("format") == "binary" or not schema:
            return {}
        if media == "application/json" and schema.get("type") != "string":
            names = list(_names(schema))
            if names:
                for name in names:
                    self.shared.setdefault(name, {"value": self.of(name, sent=sent)})
                return {"examples": {name: {"$ref": f"#/components/examples/{name}"} for name in names}}
            return {"example": _ANSWERS[id] if id in _ANSWERS else self._value(schema, "", sent=sent)}
        if media == "application/sdp" and not sent:
            return {"example": _SDP.format(setup="passive")}
        if media == "application/json":
            return {"example": '{"captions": []}'}
        return {"example": _PLAIN[id] if media == "text/plain" else _TEXTS[media]}

    def parameter(self, parameter: Mapping[str, Any]) -> Any:
        """A value of a parameter that must be given."""
        known = _PARAMETERS.get(parameter["name"])
        return self._value(parameter["schema"], parameter["name"], sent=True) if known is None else known

    def of(self, name: str, *, sent: bool) -> Any:
        """An example of a named schema; `sent`: with no more than a client needs to say."""
        schema = self._schemas[name]
        if "enum" in schema:
            return schema["enum"][0]
        given, made = _OF.get(name, {}), dict[str, Any]()
        for field, kind in schema["properties"].items():
            if field in given:
                if given[field] is not _LEFT_OUT:
                    made[field] = given[field]
            elif field in schema.get("required", ()):
                made[field] = self._value(kind, field, sent=sent)
            elif not sent:
                made[field] = self._value(kind, field, sent=sent, default=field not in _OFTEN)
        if name.startswith(_SPARSE):
            return {field: value for field, value in made.items() if value is not None}
        return made

    def _value(self, schema: Schema, field: str, *, sent: bool, default: bool = False) -> Any:
        if field in _SAYS and _may_be(schema, _SAYS[field]):
            return _SAYS[field]
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            enum = "enum" in self._schemas[name]
            return schema["default"] if default and enum and "default" in schema else self.of(name, sent=sent)
        if "enum" in schema:
            return schema["default"] if "default" in schema else schema["enum"][0]
        if "anyOf" in schema:
            # What an answer has sometimes is shown where it is plain to say, which was looked at above.
            some = [one for one in schema["anyOf"] if one.get("type") != "null"]
            return None if len(some) < len(schema["anyOf"]) and default else self._value(some[0], field, sent=sent)
        if schema.get("type") == "array":
            items = schema["items"]
            if "$ref" not in items and default:
                return schema.get("default", [])
            return [self._value(items, "", sent=sent)]
        if "default" in schema:
            return schema["default"]
        match schema.get("type"):
            case "integer" | "number":
                return max(1, int(schema.get("minimum", 1)))
            case "boolean":
                return True
            case "object":
                return {}
        if schema.get("format") == "date-time":
            return _SAYS["at"]
        pattern = schema.get("pattern", "")
        return next(text for text in (ADA, "room.started", "science", "text", "m4a") if re.search(pattern, text))


def _names(schema: Schema) -> Iterator[str]:
    for one in schema.get("anyOf", (schema,)):
        if "$ref" in one:
            yield one["$ref"].rpartition("/")[2]


def _may_be(schema: Schema, value: Any) -> bool:
    """Whether a value is of a schema's type, and has its pattern."""
    match value, schema:
        case _, {"anyOf": some}:
            return any(_may_be(one, value) for one in some)
        case str(), {"type": "string"}:
            return re.search(schema.get("pattern", ""), value) is not None and "enum" not in schema
        case bool(), _:
            return schema.get("type") == "boolean"
        case int() | float(), {"type": "integer"}:
            return isinstance(value, int) or value == int(value)
        case int() | float(), {"type": "number"}:
            return True
        case list(), {"type": "array", "items": items}:
            return all(_may_be(items, one) for one in value)
    return False
