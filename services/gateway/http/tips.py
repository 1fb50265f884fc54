"""Tips, the jars they go to, and the providers where they are paid. No money passes through; the payer gets a link."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path
from pydantic import model_validator

from contracts.room.v1 import AdmitQuery
from contracts.tipping.v1 import (
    ConfirmTip,
    FillJar,
    JarQuery,
    OfferTip,
    OpenTip,
    Providers,
    ProvidersQuery,
    Tip,
    TipId,
    TipJar,
    Tips,
    TipsQuery,
)
from services.gateway.app.access import look_inside
from services.gateway.http.bodies import Body, body_of
from services.gateway.http.caller import GatewayDep, HeadDep, PersonDep, ViewerDep, json_only
from services.gateway.http.parameters import PersonPath, SpacePath
from services.gateway.http.problems import OF_A_COMMAND, OF_A_SPACE_COMMAND, responses

router = APIRouter(dependencies=[Depends(json_only)])

# ---- jars -------------------------------------------------------------------------------------------------------


@router.get("/v1/tip-providers", operation_id="getTipProviders", tags=["tips"], responses=responses())
async def providers(gateway: GatewayDep) -> Providers:
    """Where tips can be paid."""
    return await gateway.ask(ProvidersQuery())


@body_of(FillJar, "enabled", "names", "public_names_acknowledged")
class NewJar(Body):
    """A tip jar, replacing the one before: names by provider. They become public, and that must be acknowledged to
    enable it."""

    @model_validator(mode="before")
    @classmethod
    def _names_together(cls, given: Any) -> Any:
        """Take names beside the other fields too, as the first clients send them."""
        if not isinstance(given, dict) or "names" in given:
            return given
        beside = given.keys() - FillJar.model_fields.keys()
        names = {provider: given[provider] for provider in beside if given[provider] not in (None, "")}
        return {"names": names, **{field: value for field, value in given.items() if field not in beside}}


@router.put(
    "/v1/me/tip-jar", operation_id="fillTipJar", tags=["people"],
    responses=responses(*OF_A_COMMAND, "not_allowed", "person_unknown"),
)  # fmt: skip
async def fill_jar(body: NewJar, head: HeadDep, gateway: GatewayDep) -> TipJar:
    """Fill, change or close one's tip jar."""
    return await gateway.ask(FillJar(**head.fields, **dict(body)))


@router.get(
    "/v1/people/{person_id}/tip-jar", operation_id="getTipJar", tags=["people"],
    responses=responses("unauthenticated", "person_unknown"),
)  # fmt: skip
async def jar(person_id: PersonPath, viewer: ViewerDep, gateway: GatewayDep) -> TipJar:
    """A person's tip jar; names only where it is enabled, or for its owner."""
    query = JarQuery(person_id=person_id, actor=viewer.person_id, operator=viewer.operator)
    return await gateway.ask(query)


# ---- tips -------------------------------------------------------------------------------------------------------

TipPath = Annotated[TipId, Path(description="Id of a tip")]


@body_of(OfferTip, "provider", "amount_minor", "currency", "note", to="recipient")
class NewTip(Body):
    """A tip for the host or a speaker. The amount is in the currency's minor unit."""


@router.post(
    "/v1/spaces/{space_id}/tips", status_code=201, operation_id="offerTip", tags=["tips"],
    responses=responses(
        *OF_A_SPACE_COMMAND, "tip_jar_closed", "not_live", "not_on_stage", "not_allowed", "blocked", "removed",
        "person_unknown", "not_in_space",
    ),
)  # fmt: skip
async def offer(space_id: SpacePath, body: NewTip, head: HeadDep, viewer: ViewerDep, gateway: GatewayDep) -> Tip:
    """Tip the host or a speaker."""
    # Room knows who was removed, and who is there; tipping does not.
    await gateway.ask(AdmitQuery(space_id=space_id, actor=viewer.person_id, present=True))
    return await gateway.ask(OfferTip(**head.fields, tip_id=head.new("tip"), space_id=space_id, **dict(body)))


@router.get(
    "/v1/spaces/{space_id}/tips", operation_id="getTips", tags=["tips"],
    responses=responses("unauthenticated", "removed", "blocked", "not_allowed", "space_unknown"),
)  # fmt: skip
async def tips(space_id: SpacePath, person_id: PersonDep, viewer: ViewerDep, gateway: GatewayDep) -> Tips:
    """The tips of a Space that one gave or was offered."""
    await look_inside(gateway.bus, space_id, viewer, gateway.ask_seconds)
    return await gateway.ask(TipsQuery(space_id=space_id, actor=person_id))


_TIP: Final = responses(*OF_A_COMMAND, "not_yours", "tip_unknown", "wrong_state")


@router.post("/v1/tips/{tip_id}/opened", operation_id="openTip", tags=["tips"], responses=_TIP)
async def opened(tip_id: TipPath, head: HeadDep, gateway: GatewayDep) -> Tip:
    """The payer followed the link."""
    return await gateway.ask(OpenTip(**head.fields, tip_id=tip_id))


@router.post("/v1/tips/{tip_id}/confirmed", operation_id="confirmTip", tags=["tips"], responses=_TIP)
async def confirmed(tip_id: TipPath, head: HeadDep, gateway: GatewayDep) -> Tip:
    """The recipient says that it arrived."""
    return await gateway.ask(ConfirmTip(**head.fields, tip_id=tip_id))
