"""Nobody is told who listens, for they may be hiding; and who waits to speak, hosts and nobody else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contracts.envelope import Event, PersonRef
from contracts.media.v1 import Connected, Direction, Disconnected
from contracts.room.v1 import (
    Readmitted,
    Removed,
    Role,
    Settings,
    Space,
    SpeakRequest,
    StageLeft,
    StageMember,
    State,
)
from libs.ids import new_id
from services.gateway.app.visibility import SpaceNow, Viewer, ViewerRole, may_see

SPACE, WHO, OTHER = new_id(), new_id(), new_id()
AT = datetime(2026, 1, 2, tzinfo=UTC)
OTHERS = (ViewerRole.HOST, ViewerRole.COHOST, ViewerRole.SPEAKER, ViewerRole.LISTENER)


def told(event: Event) -> set[str]:
    """Which others are told, and whether they themselves are."""
    roles = {role.value for role in OTHERS if may_see(event, Viewer(OTHER), role)}
    if may_see(event, Viewer(), ViewerRole.LISTENER):
        roles.add("anonymous")
    if may_see(event, Viewer(WHO), ViewerRole.LISTENER):
        roles.add("themselves")
    return roles


def connections(direction: Direction, person_id: str | None = WHO) -> list[Event]:
    here = {"space_id": SPACE, "node_id": "n", "session_id": new_id(), "person_id": person_id, "at": AT}
    return [
        Connected.model_validate({**here, "direction": direction, "setup_ms": 1}),
        Disconnected.model_validate({**here, "direction": direction, "reason": "closed"}),
    ]


def test_hosts_are_told_of_the_connections_of_those_who_speak_and_of_no_listeners() -> None:
    for event in connections("publish"):
        assert told(event) == {"host", "cohost", "themselves"}
    for event in connections("subscribe"):
        assert told(event) == {"themselves"}
    for event in connections("subscribe", None):
        assert told(event) == set()


@pytest.mark.parametrize("because", ["blocked", "suspended"])
def test_nobody_else_is_told_of_a_listener_who_is_out(because: str) -> None:
    head = {"space_id": SPACE, "version": 4, "person_id": WHO, "at": AT}
    everybody = {"host", "cohost", "speaker", "listener", "anonymous", "themselves"}
    for listened, expected in ((True, {"themselves"}), (False, everybody)):
        removed = Removed.model_validate({**head, "because": because, "listened": listened})
        assert told(removed) == expected
        assert may_see(removed, Viewer(WHO), ViewerRole.REMOVED)
        assert told(Readmitted.model_validate({**head, "listened": listened})) == expected


def test_new_names_are_told_to_those_who_read_the_old_ones_here() -> None:
    host, speaker, waiting, other = (PersonRef(id=new_id(), handle=name, name=name) for name in ("h", "s", "w", "o"))
    space = Space(
        id=SPACE, version=4, state=State.LIVE, host=host, settings=Settings(title="Tea"), created_at=AT,
        stage=tuple(StageMember(person=one, role=role, joined_at=AT) for one, role in
                    ((host, Role.HOST), (speaker, Role.SPEAKER))),
        requests=(SpeakRequest(person=waiting, requested_at=AT),), removed=(WHO,),
    )  # fmt: skip
    now = SpaceNow(space)
    for viewer in (Viewer(), Viewer(other.id), Viewer(speaker.id), Viewer(waiting.id)):
        assert now.named_to(viewer) == {host.id, speaker.id} | ({viewer.person_id} - {None})
    assert now.named_to(Viewer(host.id)) == {host.id, speaker.id, waiting.id}
    assert now.named_to(Viewer(WHO)) == set()
    now.apply(StageLeft(space_id=SPACE, version=5, at=AT, person_id=speaker.id))
    assert speaker.id in now.named_to(Viewer()), "captions still name them"
