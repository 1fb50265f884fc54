"""What every command is answered, by role and by case, as a table in a file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from contracts import catalogue
from contracts.reasons import STATUS
from libs.refusal import Refusal

Cell = tuple[str, str, str]
"""Command, case, role."""


def read(path: Path) -> dict[Cell, str]:
    """The answers: `ok`, or the reason of the refusal. The first line, after a `#`, names the roles; the others have a
    command, a case of it, and an answer for each role."""
    first, *lines = path.read_text().splitlines()
    roles = first.removeprefix("#").split()[2:]
    found: dict[Cell, str] = {}
    for line in lines:
        if line and not line.startswith("#"):
            command, case, *answers = line.split()
            for role, answer in zip(roles, answers, strict=True):
                assert (command, case, role) not in found, line
                assert answer == "ok" or answer in STATUS, f"{answer} is no reason of the contracts"
                found[command, case, role] = answer
    return found


def commands_of(*services: str, kind: str = "command") -> set[str]:
    """The names of the types of requests that services answer."""
    return {t.__name__ for (k, service, _), t in catalogue.request_types().items() if k == kind and service in services}


async def answers_of(cells: Iterable[Cell], answer: Callable[[str, str, str], Awaitable[str]]) -> dict[Cell, str]:
    """What each cell is answered; a few are asked for at a time, so that none waits for all the others."""
    free = asyncio.Semaphore(20)

    async def one(cell: Cell) -> str:
        async with free:
            return await answer(*cell)

    known = list(cells)
    return dict(zip(known, await asyncio.gather(*map(one, known)), strict=True))


async def answer_to(give: Callable[[], Awaitable[Any]]) -> str:
    """`ok`, or why not: a reason that is in the contracts, with a sentence."""
    try:
        await give()
    except Refusal as no:
        told = no.reason in STATUS and no.detail[:1].isupper() and no.detail.endswith((".", "!"))
        return no.reason if told else f"{no.reason}, badly told: {no.detail}"
    return "ok"
