"""The rows that name one person are found without reading everybody's."""

from __future__ import annotations

import asyncio
import multiprocessing
import re
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.analytics.v1 import HeldQuery
from services.analytics import projection
from services.analytics.adapters.clickhouse import ClickHouse
from services.analytics.app.personal_data import held
from services.analytics.questions import personal_data as question
from tests.support.waiting import eventually

ANN, BOB = "ann".rjust(26, "0"), "bob".rjust(26, "0")
SPACES, EACH = 200, 2_000
"""Ann comes into one Space in fifty, and is one of two people elsewhere, here and there."""
FILL = f"""
INSERT INTO engagement (at, space_id, context, name, event_id, person_id, other_id, people)
SELECT toDateTime64('2026-01-01', 6, 'UTC') + n, leftPad(toString(space), 26, '0'), 'media', 'speaking', toString(n),
    if(space % 50 = 0 AND n % 100 = 0, '{ANN}', concat('person', toString(n % 5000))),
    if(n % 20011 = 0, '{ANN}', ''), if(n % 50021 = 0, ['{BOB}', '{ANN}'], [])
FROM (SELECT number AS n, intDiv(number, {EACH}) AS space FROM numbers({SPACES * EACH}))
"""
FIRST = {"space": "", "context": "", "name": "", "at": datetime(1970, 1, 1, tzinfo=UTC), "event_id": ""}


def looked_for(folder: str, earlier: bool) -> dict[str, Any]:
    """What is found of Ann, and how, in tables of today or of an earlier version."""
    return asyncio.run(_looked_for(folder, earlier))


async def _looked_for(folder: str, earlier: bool) -> dict[str, Any]:
    without = [f"ALTER TABLE {projection.TABLE} DROP INDEX {projection.INDEX}"] if earlier else []
    database = await ClickHouse.open(f"chdb://{folder}", [*projection.schema(10_000, 1), *without, FILL])
    for _ in range(2):  # the second time there is nothing to do
        await database.index(projection.TABLE, projection.INDEX, projection.NAMED, projection.INDEX_TYPE)

    async def plan() -> tuple[int, int]:
        """How many pieces of the table are read for a page, and how many there are."""
        rows = await database.query(f"EXPLAIN indexes = 1 {question.SQL}", {"person": ANN, **FIRST})
        told = "\n".join(row[0] for row in rows)
        read, every = re.findall(r"Granules: (\d+)/(\d+)", told.partition(f"Name: {projection.INDEX}")[2])[0]
        return int(read), int(every)

    async def indexed() -> bool:
        read, every = await plan()
        return read < every

    await eventually(indexed)
    found, after = list[str](), ""
    while True:
        page = await held(database).page(HeldQuery(actor=ANN, person_id=ANN, after=after))
        found += [str(one.fields["space_id"]) for one in page.records]
        if page.next is None:
            break
        after = page.next
    mutations = await database.query("SELECT count() FROM system.mutations WHERE table = 'engagement'", {})
    answer = {"read": await plan(), "found": found, "mutations": mutations[0][0]}
    await database.close()
    return answer


@pytest.mark.parametrize("earlier", [False, True], ids=["of today", "of an earlier version"])
def test_a_page_reads_only_where_the_person_is_named(tmp_path: Path, earlier: bool) -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as own:  # an engine of its own
        told = own.submit(looked_for, str(tmp_path / "engine"), earlier).result()
    read, every = told["read"]
    assert read < every / 2
    mine = [n // EACH for n in range(SPACES * EACH) if (n // EACH % 50 == 0 and n % 100 == 0) or n % 50021 == 0]
    assert told["found"] == [f"{space:026}" for space in mine]
    assert told["mutations"] == (2 if earlier else 0), "what there is gets its index once"
