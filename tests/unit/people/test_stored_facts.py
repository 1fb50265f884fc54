"""What was stored once is read for ever: these states are never edited, only added to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from libs.eventstore import Fact
from libs.eventstore.facts import decode
from libs.keyring import Sealed
from services.people.domain.account import AppealDecided, Appealed, Reinstated, Suspended, TokensRevoked
from services.people.domain.api_keys import ApiKeyIssued, ApiKeyRevoked, ApiKeyRotated, ApiKeyUsed
from services.people.domain.copies import Copied, CopyDestroyed, CopyMissing, CopySeen, Stretch
from services.people.domain.erasure import HandleFreed, PersonErased
from services.people.domain.forgetting import Forgotten, Gone
from services.people.domain.identity import Identified
from services.people.domain.instance import (
    DataExported,
    EventPassedOver,
    HostingPolicy,
    HostingPolicyChanged,
    HostingRule,
    InvitationIssued,
    InvitationRevoked,
    PlatformRule,
    SpaceEndOrdered,
    TokensRevokedByOperators,
)
from services.people.domain.person import (
    Blocked,
    Followed,
    HostingAllowed,
    HostingWithdrawn,
    PrivacyChanged,
    Registered,
    Unblocked,
    Unfollowed,
)
from services.people.domain.profile import ProfileChanged
from services.people.domain.reminders import Reminded, ReminderCleared, ReminderSet
from services.people.domain.report import Closed, Evidence, Filed, Reopened, Subject

AT = b'{"at":"2026-01-01T00:00:00Z","fact":'
GOLDEN: list[tuple[str, bytes, Fact]] = [
    (
        "people.registered",
        b'{"at":"2026-01-01T00:00:00Z","actor":"a","command_id":"c","fact":{"handle":"ann","name":"Ann"}}',
        Registered(handle="ann", name="Ann"),
    ),
    (
        "people.registered",
        AT + b'{"handle":"ann","name":{"unit":"name","box":"AQID"}}}',
        Registered(handle="ann", name=Sealed(unit="name", box=b"\x01\x02\x03")),
    ),
    (
        "people.registered",
        AT + b'{"handle":{"unit":"name","box":"AQID"},"name":{"unit":"name","box":"AQID"}}}',
        Registered(handle=Sealed(unit="name", box=b"\x01\x02\x03"), name=Sealed(unit="name", box=b"\x01\x02\x03")),
    ),
    (
        "people.erased",
        AT + b'{"handle_kept_until":"2026-01-31T00:00:00Z"}}',
        PersonErased(handle_kept_until=datetime(2026, 1, 31, tzinfo=UTC)),
    ),
    ("people.erased", AT + b"{}}", PersonErased()),
    ("people.handle_freed", AT + b"{}}", HandleFreed()),
    (
        "people.identified",
        AT
        + b'{"issuer":{"unit":"identity","box":"AQID"},"subject":{"unit":"identity","box":"AQID"},"protected":true}}',
        Identified(
            issuer=Sealed(unit="identity", box=b"\x01\x02\x03"),
            subject=Sealed(unit="identity", box=b"\x01\x02\x03"),
            protected=True,
        ),
    ),
    (
        "people.identified",
        AT
        + b'{"issuer":{"unit":"identity","box":"AQID"},"subject":{"unit":"identity","box":"AQID"},'
        + b'"issued_at":"2026-01-02T00:00:00Z","refused_until":"2026-01-01T00:00:00Z"}}',
        Identified(
            issuer=Sealed(unit="identity", box=b"\x01\x02\x03"),
            subject=Sealed(unit="identity", box=b"\x01\x02\x03"),
            issued_at=datetime(2026, 1, 2, tzinfo=UTC),
            refused_until=datetime(2026, 1, 1, tzinfo=UTC),
        ),
    ),
    (
        "people.appealed",
        AT + b'{"text":{"unit":"moderation","box":"AQID"}}}',
        Appealed(text=Sealed(unit="moderation", box=b"\x01\x02\x03")),
    ),
    (
        "people.forgotten",
        AT + b'{"gone":{"number":7,"what":"person:a|space:s","unit":"title"}}}',
        Forgotten(gone=Gone(number=7, what="person:a|space:s", unit="title")),
    ),
    (
        "people.forgotten",
        AT + b'{"gone":{"number":8,"what":"person:a"}}}',
        Forgotten(gone=Gone(number=8, what="person:a")),
    ),
    (
        "people.profile_changed",
        AT + b'{"handle":"ada_l","name":"Ada","bio":"x\\ny","links":["https://example.org/"]}}',
        ProfileChanged(handle="ada_l", name="Ada", bio="x\ny", links=("https://example.org/",)),
    ),
    (
        "people.profile_changed",
        AT
        + b'{"handle":"ada","name":{"unit":"name","box":"AQID"},"bio":{"unit":"profile","box":"AQID"},"links":["x"]}}',
        ProfileChanged(
            handle="ada",
            name=Sealed(unit="name", box=b"\x01\x02\x03"),
            bio=Sealed(unit="profile", box=b"\x01\x02\x03"),
            links=("x",),
        ),
    ),
    ("people.followed", b'{"at":"2026-01-01T00:00:00Z","fact":{"followee":"b"}}', Followed(followee="b")),
    ("people.unfollowed", b'{"at":"2026-01-01T00:00:00Z","fact":{"followee":"b"}}', Unfollowed(followee="b")),
    ("people.blocked", b'{"at":"2026-01-01T00:00:00Z","fact":{"person":"b"}}', Blocked(person="b")),
    ("people.unblocked", b'{"at":"2026-01-01T00:00:00Z","fact":{"person":"b"}}', Unblocked(person="b")),
    (
        "people.privacy_changed",
        AT + b'{"protected":true,"hides_listening":false}}',
        PrivacyChanged(protected=True, hides_listening=False),
    ),
    ("people.hosting_allowed", AT + b'{"explanation":"x"}}', HostingAllowed(explanation="x")),
    ("people.hosting_withdrawn", AT + b"{}}", HostingWithdrawn()),
    (
        "people.suspended",
        AT + b'{"reason":"abuse","explanation":"x","report":"r"}}',
        Suspended(reason="abuse", explanation="x", report="r"),
    ),
    ("people.reinstated", AT + b'{"explanation":"x"}}', Reinstated(explanation="x")),
    ("people.tokens_revoked", AT + b'{"token":"t"}}', TokensRevoked(token="t")),
    (
        "people.tokens_revoked",
        AT + b'{"token":"t","expires":"2026-02-01T00:00:00Z"}}',
        TokensRevoked(token="t", expires=datetime(2026, 2, 1, tzinfo=UTC)),
    ),
    (
        "people.event_passed_over",
        AT + b'{"event":"room:1207","explanation":"x"}}',
        EventPassedOver(event="room:1207", explanation="x"),
    ),
    (
        "people.profile_changed",
        AT + b'{"handle":"ann","name":"Ann","picture":"p"}}',
        ProfileChanged(handle="ann", name="Ann", picture="p"),
    ),
    (
        "people.identified",
        AT + b'{"issuer":"i","subject":"s","picture":"p","picture_taken":true}}',
        Identified(issuer="i", subject="s", picture="p", picture_taken=True),
    ),
    (
        "people.api_key_issued",
        AT + b'{"key":"k","digest":"d","title":"x","scopes":["people"]}}',
        ApiKeyIssued(key="k", digest="d", title="x", scopes=("people",)),
    ),
    (
        "people.api_key_rotated",
        AT + b'{"key":"k","digest":"d","kept_until":"2026-02-01T00:00:00Z"}}',
        ApiKeyRotated(key="k", digest="d", kept_until=datetime(2026, 2, 1, tzinfo=UTC)),
    ),
    ("people.api_key_revoked", AT + b'{"key":"k"}}', ApiKeyRevoked(key="k")),
    ("people.api_key_used", AT + b'{"key":"k"}}', ApiKeyUsed(key="k")),
    ("people.data_exported", AT + b'{"person":"a"}}', DataExported(person="a")),
    (
        "people.tokens_revoked_by_operators",
        AT + b'{"person":"a","token":"t"}}',
        TokensRevokedByOperators(person="a", token="t"),
    ),
    ("people.appealed", AT + b'{"text":"x"}}', Appealed(text="x")),
    ("people.appeal_decided", AT + b'{"granted":false,"answer":"x"}}', AppealDecided(granted=False, answer="x")),
    (
        "people.hosting_policy_changed",
        AT + b'{"policy":{"rule":{"who":"followers","followers":5},"platforms":[{"who":"nobody","platform":"ios"}]},'
        b'"before":{},"explanation":"x","undoes":"instance-1"}}',
        HostingPolicyChanged(
            policy=HostingPolicy(
                rule=HostingRule(who="followers", followers=5),
                platforms=(PlatformRule(who="nobody", platform="ios"),),
            ),
            before=HostingPolicy(),
            explanation="x",
            undoes="instance-1",
        ),
    ),
    (
        "people.invitation_issued",
        AT + b'{"code":"abc","uses":2,"expires_at":"2026-01-01T00:00:00Z","note":"x"}}',
        InvitationIssued(code="abc", uses=2, expires_at=datetime(2026, 1, 1, tzinfo=UTC), note="x"),
    ),
    ("people.invitation_revoked", AT + b'{"code":"abc"}}', InvitationRevoked(code="abc")),
    (
        "people.space_end_ordered",
        AT + b'{"space":"s","reason":"abuse","explanation":"x","report":"r"}}',
        SpaceEndOrdered(space="s", reason="abuse", explanation="x", report="r"),
    ),
    (
        "people.space_end_ordered",
        AT + b'{"space":"s","reason":"abuse","explanation":{"unit":"moderation","box":"AQID"},"lock":"space:s"}}',
        SpaceEndOrdered(
            space="s", reason="abuse", explanation=Sealed(unit="moderation", box=b"\x01\x02\x03"), lock="space:s"
        ),
    ),
    (
        "people.reported",
        AT + b'{"reporter":"a","subject":{"person":"b","handle":"bob","name":"Bob","space":"s","title":"Tea",'
        b'"host":"h"},"reason":"abuse","comment":"x","evidence":[{"kind":"moment","space":"s","from_seconds":1.5}]}}',
        Filed(
            reporter="a",
            subject=Subject(person="b", handle="bob", name="Bob", space="s", title="Tea", host="h"),
            reason="abuse",
            comment="x",
            evidence=(Evidence(kind="moment", space="s", from_seconds=1.5),),
        ),
    ),
    (
        "people.reported",
        AT + b'{"reporter":"a","subject":{"space":"s"},"reason":"abuse","copied":true}}',
        Filed(reporter="a", subject=Subject(space="s"), reason="abuse", copied=True),
    ),
    (
        "people.report_copied",
        AT + b'{"piece":1,"words":{"unit":"moderation","box":"AQID"},"stretch":{"space":"s",'
        b'"since":"2026-01-01T00:00:00Z","until":"2026-01-01T00:00:00Z"}}}',
        Copied(
            piece=1,
            words=Sealed(unit="moderation", box=b"\x01\x02\x03"),
            stretch=Stretch(space="s", since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2026, 1, 1, tzinfo=UTC)),
        ),
    ),
    ("people.report_copy_missing", AT + b'{"piece":1,"why":"deleted"}}', CopyMissing(piece=1, why="deleted")),
    ("people.report_copy_seen", AT + b'{"piece":1}}', CopySeen(piece=1)),
    ("people.report_copy_seen", AT + b"{}}", CopySeen()),
    ("people.report_copy_destroyed", AT + b"{}}", CopyDestroyed()),
    ("people.report_closed", AT + b'{"outcome":"acted","explanation":"x"}}', Closed(outcome="acted", explanation="x")),
    ("people.reminder_set", AT + b'{"person":"a"}}', ReminderSet(person="a")),
    ("people.reminder_cleared", AT + b'{"person":"a"}}', ReminderCleared(person="a")),
    (
        "people.reminded",
        AT + b'{"kind":"soon","start":"2026-01-01T00:00:00Z","title":"Tea","people":["a"]}}',
        Reminded(kind="soon", start=datetime(2026, 1, 1, tzinfo=UTC), title="Tea", people=("a",)),
    ),
    ("people.report_reopened", AT + b'{"explanation":"x"}}', Reopened(explanation="x")),
]


@pytest.mark.parametrize(("name", "state", "fact"), GOLDEN, ids=[name for name, _, _ in GOLDEN])
def test_stored_facts_stay_readable(name: str, state: bytes, fact: Fact) -> None:
    assert decode(name, state).fact == fact
