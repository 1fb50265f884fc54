"""The settings of a Space, its word list, and the topics to choose from."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from contracts.room.v1 import ChangeSettings, ChangeWords, Topics, TopicsQuery
from services.gateway.app.watched import SpaceView
from services.gateway.http.bodies import Body, body_of
from services.gateway.http.caller import GatewayDep, HeadDep, json_only
from services.gateway.http.parameters import SpacePath
from services.gateway.http.problems import OF_A_SPACE_COMMAND, responses

router = APIRouter(tags=["stage", "spaces"], dependencies=[Depends(json_only)])


@body_of(
    ChangeSettings, "title", "topics", "lang", "who_can_join", "who_can_speak", "recorded", "captions", "ephemeral"
)
class Changes(Body):
    """What is to be otherwise; what is left out stays. Whether it is recorded, captioned or ephemeral is chosen before
    the start."""


@router.patch(
    "/v1/spaces/{space_id}", operation_id="changeSpace",
    responses=responses(
        *OF_A_SPACE_COMMAND, "removed", "blocked", "suspended", "not_host", "not_allowed", "not_live", "wrong_state"
    ),
)  # fmt: skip
async def change(space_id: SpacePath, body: Changes, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """The host chooses otherwise."""
    return await gateway.choose(ChangeSettings(**head.fields, space_id=space_id, **dict(body)))


@body_of(ChangeWords, "words")
class WordList(Body):
    """Names, brands and terms that captions should be able to write: up to 50, each of up to 40 characters."""


@router.put(
    "/v1/spaces/{space_id}/words", operation_id="changeWords",
    responses=responses(*OF_A_SPACE_COMMAND, "removed", "blocked", "suspended", "not_host", "wrong_state"),
)  # fmt: skip
async def change_words(space_id: SpacePath, body: WordList, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """A host or co-host chooses the word list anew; it helps with what is said next."""
    return await gateway.change(ChangeWords(**head.fields, space_id=space_id, **dict(body)))


@router.get("/v1/topics", operation_id="topics", responses=responses("invalid"))
async def topics(gateway: GatewayDep) -> Topics:
    """What a Space may be about."""
    return await gateway.ask(TopicsQuery())
