"""The Spaces that a media node follows are asked for again after events may have been missed."""

from __future__ import annotations

import pytest

from contracts.room import v1 as room
from libs.bus import Unavailable
from libs.refusal import Refusal
from services.media.app.followed_spaces import FollowedSpace, FollowedSpaces
from tests.support.events import START, person, space

SPACES = [space(name) for name in ("tea", "pub", "old")]


class Room:
    """Answers with the Spaces it has; raises `away` for that Space."""

    def __init__(self) -> None:
        self.version = 1
        self.away: dict[str, Exception] = {}

    async def snapshot(self, space_id: str) -> room.Space:
        if (error := self.away.get(space_id)) is not None:
            raise error
        return room.Space(
            id=space_id, version=self.version, state=room.State.LIVE, host=person("ann"),
            settings=room.Settings(title="Tea"), created_at=START, started_at=START, stage=(),
        )  # fmt: skip


def unenforced(followed: FollowedSpace, space: room.Space) -> None:
    """There are no connections here."""


async def three(answers: Room) -> FollowedSpaces:
    spaces = FollowedSpaces(answers.snapshot, unenforced)
    for name in SPACES:
        await spaces.at(name, 1)
    answers.version = 2
    return spaces


def versions(spaces: FollowedSpaces) -> list[int]:
    return [followed.state.version for followed in spaces if followed.state is not None]


async def test_a_space_that_room_knows_no_longer_keeps_no_other_one_as_it_was() -> None:
    answers = Room()
    spaces = await three(answers)
    answers.away[SPACES[1]] = Refusal("space_unknown", "There is no such Space.")
    await spaces.refresh()
    assert versions(spaces) == [2, 1, 2]


@pytest.mark.parametrize("error", [Unavailable("away"), Refusal("unavailable", "Later.", retry=True)])
async def test_a_space_that_cannot_be_asked_for_now_is_to_be_asked_for_again(error: Exception) -> None:
    answers = Room()
    spaces = await three(answers)
    answers.away[SPACES[0]] = error
    with pytest.raises(type(error)):
        await spaces.refresh()
    assert versions(spaces) == [1, 2, 2]
    answers.away.clear()
    await spaces.refresh()
    assert versions(spaces) == [2, 2, 2]
