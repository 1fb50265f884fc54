"""Stores as earlier versions wrote them: words in plain, and what people were called then.

The facts have the shapes of the golden files (`tests/unit/*/test_stored_facts.py`, `tests/unit/room/golden`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from libs.database import Place
from libs.eventstore import Claim, open_recorder
from libs.eventstore.recorder import Write
from libs.ids import new_id
from tests.support.needles import needle

BEGUN = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)


def _at(minutes: int = 0) -> str:
    return (BEGUN + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def _needles(*names: str) -> dict[str, str]:
    return {name: needle() for name in names}


@dataclass
class Before:
    """Somebody hosts a Space with everything in it, and one that is over, captioned and recorded."""

    host: str = field(default_factory=new_id)
    ann: str = field(default_factory=new_id)
    bob: str = field(default_factory=new_id)
    live: str = field(default_factory=new_id)
    over: str = field(default_factory=new_id)
    operator: str = field(default_factory=new_id)
    report: str = field(default_factory=new_id)
    tip: str = field(default_factory=new_id)
    many: int = 0
    """How often the headline was changed besides."""
    words: dict[str, str] = field(
        default_factory=lambda: _needles(
            "first_title", "title", "over_title", "listed", "url", "pin", "request", "why",
            "caption", "spoken", "other_caption", "heard", "corrected", "self_corrected", "restored",
            "recorded_title", "jar", "tip_name", "note",
            "bio", "link", "suspended", "appeal", "answer", "hosting", "reported_handle", "reported_name",
            "reported_title", "comment", "closed", "reopened", "reminded",
        )
    )  # fmt: skip
    """Everything that somebody wrote or said."""
    called: dict[str, str] = field(default_factory=lambda: _needles("handle", "name", "payer_handle", "payer_name"))
    """What people were called in the facts of other services than people."""
    names: dict[str, str] = field(default_factory=lambda: _needles("host", "ann", "bob"))
    """What they are called now."""

    def _person(self, id: str) -> dict[str, str]:
        return {"id": id, "handle": self.called["handle"], "name": self.called["name"]}

    def people(self) -> list[tuple[str, str, str | None, dict[str, Any]]]:
        """Aggregate, name of the fact, who caused it, and the fact."""
        w, report = self.words, f"report-{self.report}"
        return [
            *(
                (id, "people.registered", id, {"handle": handle, "name": self.names[handle]})
                for id, handle in self._all()
            ),
            (
                self.host, "people.profile_changed", self.host,
                {"handle": "host", "name": self.names["host"], "bio": w["bio"],
                 "links": [f"https://{w['link']}.example/"]},
            ),
            (self.host, "people.hosting_allowed", self.operator, {"explanation": w["hosting"]}),
            (self.bob, "people.suspended", self.operator, {"reason": "abuse", "explanation": w["suspended"]}),
            (self.bob, "people.appealed", self.bob, {"text": w["appeal"]}),
            (self.bob, "people.appeal_decided", self.operator, {"granted": False, "answer": w["answer"]}),
            (
                report, "people.reported", self.ann,
                {"reporter": self.ann, "reason": "abuse", "comment": w["comment"],
                 "subject": {"person": self.bob, "handle": w["reported_handle"], "name": w["reported_name"],
                             "space": self.live, "title": w["reported_title"], "host": self.host}},
            ),
            (report, "people.report_closed", self.operator, {"outcome": "acted", "explanation": w["closed"]}),
            (report, "people.report_reopened", self.operator, {"explanation": w["reopened"]}),
            (f"reminders-{self.live}", "people.reminder_set", self.ann, {"person": self.ann}),
            (
                f"reminders-{self.live}", "people.reminded", None,
                {"kind": "soon", "start": _at(), "title": w["reminded"], "people": [self.host]},
            ),
        ]  # fmt: skip

    def _all(self) -> list[tuple[str, str]]:
        return [(self.host, "host"), (self.ann, "ann"), (self.bob, "bob")]

    def room(self) -> list[tuple[str, str, str | None, dict[str, Any]]]:
        w, host, ann, bob = self.words, self._person(self.host), self._person(self.ann), self._person(self.bob)
        first, over = {"title": w["first_title"]}, {"title": w["over_title"], "recorded": True, "captions": True}
        live, ended = self.live, self.over
        return [
            (live, "space.created", self.host, {"host": host, "settings": first}),
            (live, "space.started", self.host, {"host": host, "settings": first}),
            *[(live, "space.settings_changed", self.host, {"settings": first})] * self.many,
            (live, "space.settings_changed", self.host, {"settings": {**first, "title": w["title"]}}),
            (live, "space.words_changed", self.host, {"words": [w["listed"]]}),
            (
                live, "space.pinned", self.host,
                {"pin_id": new_id(), "url": f"https://example.org/{w['url']}", "text": w["pin"], "person": host},
            ),
            (live, "space.speak_requested", self.ann, {"person": ann, "message": w["request"], "here": True}),
            (live, "space.invited", self.host, {"person": bob}),
            (live, "space.removed", self.host, {"person_id": self.bob, "explanation": w["why"]}),
            (ended, "space.created", self.host, {"host": host, "settings": over}),
            (ended, "space.started", self.host, {"host": host, "settings": over}),
            (ended, "space.stage_joined", self.ann, {"person": ann}),
            (ended, "space.ended", self.host, {}),
        ]  # fmt: skip

    def transcription(self) -> list[tuple[str, str, str | None, dict[str, Any]]]:
        w, over = self.words, self.over

        def caption(number: int, by: str, text: str, **more: Any) -> tuple[str, str, str | None, dict[str, Any]]:
            fact = {
                "caption_id": f"s-{number}", "session_id": f"s{by}", "person_id": by,
                "handle": self.called["handle"], "name": self.called["name"], "lang": "en", "text": text,
                "start_at": _at(number), "end_at": _at(number + 1), "epoch": "e", "sequence": number, "resume": number,
            }  # fmt: skip
            return over, "transcript.captioned", None, {**fact, **more}

        return [
            (over, "transcript.opened", None, {"lang": "en", "started_at": _at()}),
            (over, "transcript.host_noted", None, {"host": self.host}),
            caption(1, self.ann, w["caption"], words=[[w["caption"], 0.1, 0.5, 0.9], [w["spoken"], 0.5, 0.9, None]]),
            caption(2, self.host, w["other_caption"], detected=True, others={f"s{self.ann}": 1}),
            caption(3, self.ann, w["heard"]),
            caption(4, self.ann, w["restored"]),
            (
                over, "transcript.caption_corrected", self.host,
                {"caption_id": "s-3", "person_id": self.ann, "heard": w["heard"], "text": w["corrected"],
                 "by": self.host},
            ),
            (
                over, "transcript.caption_corrected", self.host,
                {"caption_id": "s-2", "person_id": self.host, "heard": w["other_caption"],
                 "text": w["self_corrected"], "by": self.host},
            ),
            (
                over, "transcript.caption_corrected", self.host,
                {"caption_id": "s-4", "person_id": self.ann, "heard": w["restored"], "text": w["corrected"],
                 "by": self.host},
            ),
            (
                over, "transcript.caption_restored", self.ann,
                {"caption_id": "s-4", "person_id": self.ann, "heard": w["restored"], "rejected": True},
            ),
            (over, "transcript.completed", None, {"captions": 4, "words": 4}),
        ]  # fmt: skip

    def recording(self) -> list[tuple[str, str, str | None, dict[str, Any]]]:
        noted = {"person_id": self.ann, "handle": self.called["handle"], "name": self.called["name"]}
        return [
            (self.over, "recording.began", None, {"started_at": _at(), "title": self.words["recorded_title"]}),
            (self.over, "recording.speaker_noted", None, {**noted, "consents": False, "since": _at(1)}),
            (self.over, "recording.ended", None, {"ended_at": _at(6)}),
            (self.over, "recording.failed", None, {"reason": "nothing_captured", "detail": "nobody spoke"}),
        ]

    def tipping(self) -> list[tuple[str, str, str | None, dict[str, Any]]]:
        w, tip = self.words, f"tip-{self.tip}"
        both = {"space": self.live, "payer": self.ann, "recipient": self.host}
        called = {name: self.called[name] for name in ("payer_handle", "payer_name")}
        offered = {
            "provider": "paypal", "name": w["tip_name"], "amount_minor": 2500, "currency": "USD", "note": w["note"],
        }  # fmt: skip
        return [
            (f"jar-{self.host}", "jar.filled", self.host, {"enabled": True, "names": {"paypal": w["jar"]}}),
            (tip, "tip.offered", self.ann, {**both, **called, **offered}),
            (tip, "tip.opened", self.ann, both),
        ]

    def write(self, context: str, place: Place) -> int:
        """Write the store of a service; how many facts it has."""
        facts = getattr(self, context)()
        versions: dict[str, int] = {}
        rows = []
        for id, name, actor, fact in facts:
            versions[id] = versions.get(id, 0) + 1
            meta = {"at": _at(), **({} if actor is None else {"actor": actor}), "command_id": new_id(), "fact": fact}
            rows.append((id, versions[id], name, json.dumps(meta, separators=(",", ":")).encode()))
        claims = [Claim("handle", handle, id) for id, handle in self._all()] if context == "people" else []
        recorder = open_recorder(place)
        try:
            recorder.write([Write(rows, claims=claims)])
        finally:
            recorder.close()
        return len(rows)
