"""The eraser's composition root."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from infra.eraser.eraser import Eraser
from infra.eraser.notes import Notes
from infra.nats.permissions import ERASER
from libs.service import Service, ServiceSettings, run


class Settings(ServiceSettings):
    """`ROSTRUM_ERASER_...` in the environment."""

    service: ClassVar[str] = ERASER


async def compose(service: Service[Settings]) -> None:
    """Follow who is erased."""
    eraser = Eraser(service.bus, Notes(service.settings.var))
    service.spawn("people", eraser.run())
    service.spawn("letters", eraser.watch_letters())
    service.ready_when("streams", eraser.lack)


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
