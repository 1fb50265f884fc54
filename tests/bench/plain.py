"""The `eventsourcing` library as its examples use it, beside which ours is measured."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from libs.database import Database, Place
from libs.ids import new_id
from tests.bench.harness import quantile

MANY: Final = 200
"""Aggregates that commands are spread over."""
_COMMANDS: Final = 600
_RUNS: Final = 3


class Microphone(Aggregate):
    """What the plain library decides on and rebuilds."""

    @event("Created")
    def __init__(self, host: str) -> None:
        self.host = host
        self.muted = True

    @event("Switched")
    def switch(self, muted: bool, person_id: str) -> None:
        self.muted = muted


def application(place: Place) -> Application[UUID]:
    """Its defaults in a file or a database."""
    if isinstance(place, Database):
        url = urlsplit(place.url)
        settings = {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": url.path.removeprefix("/"),
            "POSTGRES_HOST": url.hostname or "",
            "POSTGRES_PORT": str(url.port),
            "POSTGRES_USER": url.username or "",
            "POSTGRES_PASSWORD": url.password or "",
        }
    else:
        settings = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(place)}
    return Application({**os.environ, **settings})


def commands_per_second(place: Place) -> tuple[float, float]:
    """As its examples do it (get, decide, save), and with one aggregate kept in memory."""
    host = new_id()
    with application(place) as app:
        microphones = [Microphone(host=host) for _ in range(MANY)]
        app.save(*microphones)
        kept = Microphone(host=host)
        app.save(kept)

        def by_the_book(number: int) -> None:
            microphone: Microphone = app.repository.get(microphones[number % MANY].id)
            microphone.switch(muted=number // MANY % 2 == 0, person_id=host)
            app.save(microphone)

        def from_memory(number: int) -> None:
            kept.switch(muted=number % 2 == 0, person_id=host)
            app.save(kept)

        return _rate(by_the_book), _rate(from_memory)


def _rate(command: Callable[[int], None]) -> float:
    rates = []
    for _ in range(_RUNS):
        began = time.perf_counter()
        for number in range(_COMMANDS):
            command(number)
        rates.append(_COMMANDS / (time.perf_counter() - began))
    return quantile(rates, 0.5)


def fill(place: Place, events: int) -> UUID:
    """One aggregate with so many events; its id."""
    with application(place) as app:
        microphone = Microphone(host=new_id())
        for number in range(events - 1):
            microphone.switch(muted=number % 2 == 0, person_id=microphone.host)
        app.save(microphone)
        return microphone.id
