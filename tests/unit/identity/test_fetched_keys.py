"""An issuer's keys as they change: asked for seldom, kept while it is away, and new ones taken at their first use."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from libs.aio import end
from libs.identity import Fetched, FetchedKeys, IdentityError, KeysAway, TokenRefused, read_compact
from libs.identity.compact import Compact
from tests.support.issuer import SigningKey, good_claims, key_set
from tests.support.waiting import eventually

OLD, NEW = SigningKey("P-256", "old"), SigningKey("Ed25519", "new")
OF_OLD, OF_NEW = read_compact(OLD.token()), read_compact(NEW.token())


class Publisher:
    """Publishes keys, and counts who asks."""

    def __init__(self, *keys: SigningKey) -> None:
        self.body = key_set(*keys)
        self.asked: list[str | None] = []
        self.down = False
        self.max_age: float | None = None
        self.answers = asyncio.Event()
        self.answers.set()
        self.now = 1000.0
        self.keys = FetchedKeys(self.fetch, lambda: self.now)

    async def fetch(self, tag: str | None) -> Fetched:
        self.asked.append(tag)
        body = self.body
        await self.answers.wait()
        if self.down:
            raise IdentityError("it is down")
        current = str(hash(body))
        return Fetched(None if tag == current else body, current, self.max_age)

    @asynccontextmanager
    async def refreshing(self) -> AsyncIterator[None]:
        """With the first fetch done, in the background."""
        task = asyncio.create_task(self.keys.run())
        try:
            await eventually(lambda: len(self.asked) > 0 and self.keys._fetching is None)
            yield
        finally:
            await end(task)


def unknown() -> Compact:
    """A token with the key id of nobody."""
    return read_compact(OLD.token(kid=secrets.token_hex(8)))


async def test_a_rotated_key_is_taken_at_its_first_use() -> None:
    publisher = Publisher(OLD)
    async with publisher.refreshing():
        assert (await publisher.keys.signer(OF_OLD)).id == "old"
        assert len(publisher.asked) == 1
        publisher.body = key_set(OLD, NEW)
        signers = await asyncio.gather(*(publisher.keys.signer(OF_NEW) for _ in range(50)))
        assert {key.id for key in signers} == {"new"}
        assert len(publisher.asked) == 2, "one for all of them"
        assert publisher.asked[1] is not None, "with the tag of what there is"
        assert (await publisher.keys.signer(OF_OLD)).id == "old"


async def test_a_key_that_is_withdrawn_signs_nothing_any_more() -> None:
    publisher = Publisher(OLD, NEW)
    async with publisher.refreshing():
        old = await publisher.keys.signer(OF_OLD)
        assert publisher.keys.has(old.thumbprint)
        publisher.body = key_set(NEW)
        with pytest.raises(TokenRefused):
            await publisher.keys.signer(unknown())
        assert not publisher.keys.has(old.thumbprint)
        with pytest.raises(TokenRefused):
            await publisher.keys.signer(OF_OLD)


async def test_a_flood_of_unknown_keys_causes_one_fetch_in_thirty_seconds() -> None:
    publisher = Publisher(OLD)
    async with publisher.refreshing():
        for moment in range(90):
            publisher.now = 1000.0 + moment
            asked = await asyncio.gather(*(publisher.keys.signer(unknown()) for _ in range(20)), return_exceptions=True)
            assert {type(one) for one in asked} <= {TokenRefused, KeysAway}
        assert len(publisher.asked) == 1 + 3


async def test_a_new_key_is_taken_at_its_first_use_however_garbage_came_before_it() -> None:
    publisher = Publisher(OLD)
    async with publisher.refreshing():
        with pytest.raises(TokenRefused):
            await publisher.keys.signer(unknown())
        publisher.body = key_set(OLD, NEW)
        assert (await publisher.keys.signer(OF_NEW)).id == "new"
        assert len(publisher.asked) == 3


async def test_in_a_flood_a_new_key_is_taken_half_a_minute_later_and_its_tokens_are_not_refused() -> None:
    publisher = Publisher(OLD)
    async with publisher.refreshing():
        await asyncio.gather(*(publisher.keys.signer(unknown()) for _ in range(20)), return_exceptions=True)
        publisher.body = key_set(OLD, NEW)
        with pytest.raises(KeysAway) as away:
            await publisher.keys.signer(OF_NEW)
        assert 0 < away.value.seconds <= 30
        assert len(publisher.asked) == 2
        publisher.now += away.value.seconds
        assert (await publisher.keys.signer(OF_NEW)).id == "new"


async def test_whoever_knows_the_next_key_id_has_no_token_of_it_refused() -> None:
    publisher = Publisher(OLD)
    made_up = read_compact(SigningKey("Ed25519", "new").token())
    async with publisher.refreshing():
        for _ in range(2):
            with pytest.raises(TokenRefused):
                await publisher.keys.signer(made_up)
        publisher.body = key_set(OLD, NEW)
        publisher.now += 20
        with pytest.raises(KeysAway) as away:
            await publisher.keys.signer(OF_NEW)
        assert away.value.seconds == 10
        assert len(publisher.asked) == 2, "no key is looked for twice in 30 s"
        publisher.now += 10
        assert (await publisher.keys.signer(OF_NEW)).id == "new"


async def test_who_has_a_token_of_a_withdrawn_key_is_told_so_and_not_to_wait() -> None:
    publisher = Publisher(OLD, NEW)
    others = [read_compact(OLD.token(good_claims(sub=f"u-{number}"))) for number in range(3)]
    async with publisher.refreshing():
        publisher.body = key_set(NEW)
        publisher.now += 60
        with pytest.raises(TokenRefused):
            await publisher.keys.signer(unknown())
        for one in (others[0], *others):
            with pytest.raises(TokenRefused):
                await publisher.keys.signer(one)
        assert len(publisher.asked) == 3


@pytest.mark.parametrize("ids", [("old", "new"), (None, None)], ids=["keys with ids", "keys without"])
async def test_garbage_does_not_stand_in_the_way_of_another_token_that_its_key_id_does_not_tell_apart(
    ids: tuple[str | None, str | None],
) -> None:
    old, new, made_up = SigningKey("P-256", ids[0]), SigningKey("P-256", ids[1]), SigningKey("P-256", "x")
    kid = "one" if ids[0] is None else None  # which no key has, or none at all
    garbage = read_compact(made_up.token(good_claims(sub="nobody"), kid=kid))
    of_new = read_compact(new.token(good_claims(sub="somebody"), kid=kid))
    publisher = Publisher(old)
    async with publisher.refreshing():
        for _ in range(2):
            with pytest.raises(TokenRefused):
                await publisher.keys.signer(garbage)
        publisher.body = key_set(old, new)
        publisher.now += 20
        assert (await publisher.keys.signer(of_new)).verifies(of_new)


async def test_whoever_asks_while_an_older_fetch_is_under_way_gets_one_that_is_newer() -> None:
    publisher = Publisher(OLD)
    async with publisher.refreshing():
        publisher.answers.clear()
        waiting = [asyncio.create_task(publisher.keys.signer(unknown()))]
        await eventually(lambda: len(publisher.asked) == 2)  # which reads the keys of before
        publisher.body = key_set(OLD, NEW)
        publisher.now += 40
        waiting.append(asyncio.create_task(publisher.keys.signer(OF_NEW)))
        await asyncio.sleep(0)
        publisher.answers.set()
        first, second = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(first, TokenRefused)
        assert not isinstance(second, BaseException)
        assert second.id == "new"


async def test_stale_keys_are_kept_while_the_issuer_is_away_or_answers_nonsense() -> None:
    publisher = Publisher(OLD)
    async with publisher.refreshing():
        for broken in (b"<html>", b'{"keys": []}', b"{}", b""):
            publisher.body = broken
            publisher.now += 31
            with pytest.raises(KeysAway):
                await publisher.keys.signer(unknown())
            assert (await publisher.keys.signer(OF_OLD)).id == "old"
        publisher.down = True
        publisher.now += 31
        with pytest.raises(KeysAway):
            await publisher.keys.signer(OF_NEW)
        assert (await publisher.keys.signer(OF_OLD)).id == "old"
        assert publisher.keys.lack() is None


async def test_it_says_what_is_missing_until_there_are_keys() -> None:
    publisher = Publisher(OLD)
    publisher.down = True
    async with publisher.refreshing():
        assert "it is down" in (publisher.keys.lack() or "")
        with pytest.raises(KeysAway):
            await publisher.keys.signer(OF_OLD)
        publisher.down = False
        publisher.now += 31
        assert (await publisher.keys.signer(OF_OLD)).id == "old"
        assert publisher.keys.lack() is None


@pytest.mark.parametrize(("max_age", "wait"), [(None, 60), (5, 10), (0, 10), (30, 30), (3600, 60)])
async def test_they_are_refreshed_every_minute_or_sooner_where_the_issuer_says_so(
    max_age: float | None, wait: float
) -> None:
    publisher = Publisher(OLD)
    publisher.max_age = max_age
    async with publisher.refreshing():
        assert publisher.keys._next == wait


async def test_only_so_many_wait_for_a_slow_issuer() -> None:
    publisher = Publisher(OLD)
    async with publisher.refreshing():
        publisher.answers.clear()
        waiting = [asyncio.create_task(publisher.keys.signer(unknown())) for _ in range(1500)]
        await eventually(lambda: sum(task.done() for task in waiting) >= 500)
        assert {type(task.exception()) for task in waiting if task.done()} == {KeysAway}
        assert (await publisher.keys.signer(OF_OLD)).id == "old", "who is good waits for nobody"
        publisher.answers.set()
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert len(publisher.asked) == 2
        assert all(isinstance(one, TokenRefused | KeysAway) for one in ended)


async def test_what_is_remembered_of_unknown_keys_is_bounded() -> None:
    publisher = Publisher(OLD)
    async with publisher.refreshing():
        for number in range(12_000):
            publisher.keys._remember(Compact("ES256", str(number), "jwt", "", b"", str(number)))
        assert len(publisher.keys._unknown) == 10_000


async def test_a_flood_of_unknown_keys_costs_good_tokens_little() -> None:
    """None of it causes a fetch, or has its signature checked."""
    publisher = Publisher(OLD)
    flood = [unknown() for _ in range(2_000)]
    async with publisher.refreshing():
        await asyncio.gather(*(publisher.keys.signer(token) for token in flood[:20]), return_exceptions=True)
        began = time.process_time()
        for token in flood[20:]:
            with suppress(TokenRefused, KeysAway):
                await publisher.keys.signer(token)
        each = (time.process_time() - began) / len(flood[20:])
        began = time.process_time()
        for _ in range(200):
            await publisher.keys.signer(OF_OLD)
        good = (time.process_time() - began) / 200
        assert each < good
        assert len(publisher.asked) == 2
