"""Whether this process runs and can do its work, and its metrics."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from libs.refusal import Refusal
from services.gateway.http.caller import GatewayDep, operator
from services.gateway.http.problems import responses

router = APIRouter(tags=["operators"])


_PLAIN: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "In Prometheus' text format", "content": {"text/plain": {"schema": {"type": "string"}}}}
}


@router.get("/healthz", operation_id="healthz")
async def healthz() -> dict[str, str]:
    """This process runs."""
    return {"status": "alive"}


@router.get("/readyz", operation_id="readyz", responses=responses())
async def readyz(gateway: GatewayDep) -> dict[str, str]:
    """It can do its work."""
    if missing := gateway.missing():
        raise Refusal("unavailable", "; ".join(f"{name}: {why}" for name, why in missing.items()), retry=True)
    return {"status": "ready"}


@router.get(
    "/metrics", operation_id="metrics", response_class=Response, dependencies=[Depends(operator)],
    responses={**responses("unauthenticated", "not_allowed", "invalid"), **_PLAIN},
)  # fmt: skip
async def metrics() -> Response:
    """This process's metrics."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
