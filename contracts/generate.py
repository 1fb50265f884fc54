"""Writes what is generated from the contracts: JSON Schemas and one AsyncAPI document per service.

`python -m contracts.generate` writes them below `contracts/`; `render()` gives the same as text for the check.
"""

from __future__ import annotations

import json
import sys
from inspect import cleandoc
from pathlib import Path
from typing import Any

from contracts import catalogue, subjects
from contracts.envelope import Event, Model

ROOT = Path(__file__).parent
VERSION = "1.0.0"


def render() -> dict[str, str]:
    """Every generated file: path relative to `contracts/` -> content."""
    return {**_schemas(), **{f"asyncapi/{s}.json": _asyncapi(s) for s in subjects.SERVICES}}


def schema_path(model: type[Model]) -> str:
    """Where the schema of an event, command or query stands: by module, which is context and version."""
    context, version = model.__module__.split(".")[1:3]
    return f"schemas/{context}.{version}/{model.__name__}.json"


def models() -> list[type[Model]]:
    """Every model that travels by itself: events, requests and their results."""
    requests = list(catalogue.request_types().values())
    found: dict[str, type[Model]] = {}
    for model in (*catalogue.event_types().values(), *requests, *(r.result for r in requests)):
        if model.__module__.count(".") >= 2:
            found[schema_path(model)] = model
    return [found[path] for path in sorted(found)]


def _schemas() -> dict[str, str]:
    return {schema_path(m): _json(m.model_json_schema(mode="validation")) for m in models()}


def _asyncapi(service: str) -> str:
    from faststream.nats import NatsBroker
    from faststream.specification import AsyncAPI

    broker = NatsBroker()
    for (kind, owner, name), request in sorted(catalogue.request_types().items()):
        if owner == service:
            handler = _documented(request, request.result)
            broker.subscriber(_address(kind, service, name), title=f"{kind}.{service}.v1.{name}")(handler)
    for (context, name), event in sorted(catalogue.event_types().items()):
        if service == "gateway":
            broker.subscriber(_event_address(event), title=f"rostrum.{context}.v1.{name}")(_shown(event))
        elif context in subjects.CONTEXTS_OF[service]:
            broker.publisher(
                _event_address(event),
                schema=event,
                title=f"rostrum.{context}.v1.{name}",
                description=_description(event),
            )
    document = AsyncAPI(
        broker,
        title=f"Rostrum {service}",
        version=VERSION,
        description="The live events that clients are shown, by audience."
        if service == "gateway"
        else f"What the {service} service answers, and the events it publishes.",
    ).to_specification()
    specification: dict[str, Any] = json.loads(document.to_json())
    specification.pop("servers", None)
    for channel in specification.get("channels", {}).values():
        channel.pop("servers", None)
    return _json(specification)


def _address(kind: str, service: str, name: str) -> str:
    make = subjects.command if kind == "command" else subjects.query
    return make(service, name, "*")


def _event_address(event: type[Event]) -> str:
    make = subjects.passing_event if event.passing else subjects.event
    return make(event.context, "*", event.name)


def _documented(request: type[Model], result: type[Model]) -> Any:
    async def handle(message: Any) -> Any: ...

    handle.__doc__ = cleandoc(request.__doc__ or "")
    handle.__annotations__ = {"message": request, "return": result}
    return handle


def _shown(event: type[Event]) -> Any:
    async def show(message: Any) -> None: ...

    show.__doc__ = _description(event)
    show.__annotations__ = {"message": event, "return": None}
    return show


def _description(event: type[Event]) -> str:
    audience = ", ".join(sorted(event.audience))
    sealed = "".join(f"\n\nSealed on the stream: {word.path}." for word in event.worded)
    return f"{cleandoc(event.__doc__ or '')}\n\nAudience: {audience}.{sealed}"


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write() -> list[str]:
    """Writes what changed, removes what is no longer generated; returns the changed paths."""
    wanted = render()
    changed = []
    for path, content in wanted.items():
        target = ROOT / path
        if not target.exists() or target.read_text() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)
            changed.append(path)
    for folder in ("schemas", "asyncapi"):
        for stale in (ROOT / folder).rglob("*.json"):
            if str(stale.relative_to(ROOT)) not in wanted:
                stale.unlink()
                changed.append(str(stale.relative_to(ROOT)))
    return changed


if __name__ == "__main__":
    for path in write():
        sys.stdout.write(f"{path}\n")
