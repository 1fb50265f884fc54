"""Who follows and blocks whom in the host product, told a line at a time or by the million."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, ValidationError

from contracts.people.v1 import ChangeRelations, Relation
from libs.ids import new_id
from libs.refusal import Refusal
from services.gateway.http.caller import GatewayDep
from services.gateway.http.server_caller import PATIENCE, RelationsServer, refusals

router = APIRouter(tags=["server"])

_TYPE: Final = "application/x-ndjson"
_TOGETHER: Final = 500
_BYTES: Final = 200 * 1024
"""Of lines that are asked for together: a message on the bus has a limit."""
_LONGEST_LINE: Final = 4096
_TOLD: Final = 1000
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {_TYPE: {"schema": {"type": "string"}}},
    }
}


class RefusedLine(BaseModel):
    """A line that changed nothing."""

    line: int
    """From 1."""
    reason: str
    detail: str


class LinesTaken(BaseModel):
    """What became of the lines."""

    lines: int
    refused: int
    faults: list[RefusedLine]
    """The first 1000 that were refused."""


@router.post(
    "/v1/server/relations", operation_id="serverChangeRelations", openapi_extra=_BODY,
    responses=refusals("too_large", "unsupported_media_type"),
)  # fmt: skip
async def change(request: Request, server: RelationsServer, gateway: GatewayDep) -> LinesTaken:
    """Change who follows and blocks whom: a JSON object in each line, 2 MiB at most, applied in order.

    A line that was applied before changes nothing. So send a body again if it was not answered: an import of millions
    continues with the first such body. It is fastest if the lines of one person follow each other.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        raise Refusal("unsupported_media_type", f"Send {_TYPE}.")
    lines = (await request.body()).split(b"\n")
    if lines and not lines[-1].strip():
        lines.pop()
    faults: list[RefusedLine] = []
    for chunk in _chunks(lines):
        read: list[tuple[int, Relation]] = []
        for number, line in chunk:
            try:
                read.append((number, _relation(line)))
            except ValueError as error:
                faults.append(RefusedLine(line=number, reason="invalid", detail=str(error)))
        if read:
            order = server.fields | {
                "command_id": new_id()
            }  # a repeated change does nothing, so each chunk is a command of its own
            told = ChangeRelations(**order, issuer=gateway.issuer, changes=tuple(relation for _, relation in read))
            faults += [
                RefusedLine(line=read[no.index][0], reason=no.reason, detail=no.detail)
                for no in (await gateway.bus.ask(told, timeout=PATIENCE)).result.refused
            ]
    faults.sort(key=lambda fault: fault.line)
    return LinesTaken(lines=len(lines), refused=len(faults), faults=faults[:_TOLD])


def _chunks(lines: list[bytes]) -> Iterator[list[tuple[int, bytes]]]:
    chunk: list[tuple[int, bytes]] = []
    size = 0
    for number, line in enumerate(lines, 1):
        if len(chunk) == _TOGETHER or size + len(line) > _BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append((number, line))
        size += min(len(line), _LONGEST_LINE)
    if chunk:
        yield chunk


def _relation(line: bytes) -> Relation:
    """Raises ValueError, in words for whoever wrote the line."""
    if len(line) > _LONGEST_LINE:
        raise ValueError(f"A line has at most {_LONGEST_LINE} bytes.")
    try:
        return Relation.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{where}: {first['msg']}" if where else str(first["msg"])) from None
