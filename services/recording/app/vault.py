"""Keys of what is recorded: for what is captured, for the process that builds, and how they are destroyed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from contracts import object_names
from libs.keyring import Destroyed, UnitKey, Words, lock_name
from libs.keyring.client import Keyring, OnDrop
from services.recording.domain import Recording
from services.recording.replay.build import Recorded

DestroyUnit = Callable[[str, str], Awaitable[object]]


class BuildKeys(NamedTuple):
    """The keys with which a replay is built, and what the Space was called."""

    title: str
    people: dict[str, Recorded]
    """By their ids; those whose keys are destroyed are left out."""
    mix: UnitKey
    locks: frozenset[str]
    """The locks that these keys are of."""


class MixKeys(NamedTuple):
    """The keys with which stored tracks are mixed again."""

    tracks: dict[str, UnitKey | None]
    """By the names of their objects; None for those of earlier versions."""
    mix: UnitKey
    locks: frozenset[str]
    """The locks that these keys are of."""


class Vault:
    """Keys as recording needs them. Where their owner is away, every method raises Refusal or Unavailable."""

    def __init__(self, keyring: Keyring, destroy: DestroyUnit) -> None:
        """`destroy` destroys a unit of a lock for ever, with all below it."""
        self._keyring = keyring
        self._destroy = destroy

    async def seal_captured(self, space_id: str, person_id: str, body: bytes) -> bytes | None:
        """What was captured of a speaker as it is spooled; None where their keys are destroyed. May raise Expired."""
        seal = object_names.of_speaker(space_id, person_id, object_names.SPOOL)
        try:
            return (await self._keyring.lock(*seal.subjects)).seal_bytes(seal.unit, body)
        except Destroyed:
            return None

    async def seal_title(self, space_id: str, title: str) -> Words:
        """What a Space is called as it is stored; nothing where its keys are destroyed. May raise Expired."""
        try:
            return (await self._keyring.lock(f"space:{space_id}")).seal(object_names.TITLE, title)
        except Destroyed:
            return ""

    async def to_build(self, recording: Recording, names: dict[str, str]) -> BuildKeys | None:
        """The keys with which a replay is built; None where the Space's are destroyed. May raise Expired.

        `names` are what those are called who are recorded, by their ids.
        """
        space_id = recording.space_id
        of_mix = object_names.of_mix(space_id, recording.mixes + 1)
        wanted = {id: lock_name(*object_names.of_speaker(space_id, id).subjects) for id in names}
        whole = lock_name(*of_mix.subjects)
        locks = await self._keyring.locks([whole, *wanted.values()])
        if not locks[whole].has(of_mix.unit):
            return None
        people = {
            id: Recorded(name=name, spool=lock.key_of(object_names.SPOOL), track=lock.key_of(object_names.TRACK))
            for id, name in names.items()
            if (lock := locks[wanted[id]]).has(object_names.SPOOL) and lock.has(object_names.TRACK)
        }
        title = locks[whole].legible(recording.title, object_names.TITLE) or ""
        used = frozenset((whole, *(wanted[id] for id in people)))
        return BuildKeys(title, people, locks[whole].key_of(of_mix.unit), used)

    async def to_mix(self, recording: Recording) -> MixKeys | None:
        """The keys with which the stored tracks are mixed again; None where one of them is destroyed. May raise
        Expired."""
        assert recording.finished is not None
        of_mix = object_names.of_mix(recording.space_id, recording.mixes + 1)
        seals = {track.object: object_names.seal_of(track.object) for track in recording.finished.tracks}
        names = {name: lock_name(*seal.subjects) for name, seal in seals.items() if seal is not None}
        whole = lock_name(*of_mix.subjects)
        locks = await self._keyring.locks([whole, *names.values()])
        tracks: dict[str, UnitKey | None] = {}
        for name, seal in seals.items():
            if seal is not None and not locks[names[name]].has(seal.unit):
                return None
            tracks[name] = None if seal is None else locks[names[name]].key_of(seal.unit)
        if not locks[whole].has(of_mix.unit):
            return None
        return MixKeys(tracks, locks[whole].key_of(of_mix.unit), frozenset(locks))

    async def live(self, locks: frozenset[str]) -> bool:
        """Whether this process may still have keys of all these locks, and none was destroyed with its subject."""
        found = await self._keyring.locks(locks)
        return not any(lock.destroyed or not lock.holds for lock in found.values())

    async def destroy_mix(self, recording: Recording) -> None:
        """Destroy the key of the mix that is stored. Again changes nothing."""
        seal = None if recording.finished is None else object_names.seal_of(recording.finished.mix)
        if seal is not None:
            await self._destroy(lock_name(*seal.subjects), seal.unit)

    def on_drop(self, call: OnDrop) -> None:
        """Call `call` with everything that is destroyed; it must end whoever has a key of it, and not wait."""
        self._keyring.on_drop(call)

    async def destroy(self, recording: Recording) -> None:
        """Destroy the keys of everything that was recorded of a Space. Again changes nothing."""
        for lock in _locks_of(recording):
            await self._destroy(lock, object_names.REPLAY)


def _locks_of(recording: Recording) -> list[str]:
    """The locks under which something of a Space was sealed, a speaker's only where there was something of theirs."""
    speakers = [id for id, speaker in recording.speakers.items() if any(yes for _, yes in speaker.consents)]
    seals = [object_names.of_speaker(recording.space_id, id) for id in speakers]
    if (done := recording.finished) is not None:
        names = [done.mix, *(track.object for track in done.tracks)]
        if all(name and object_names.seal_of(name) is None for name in names):
            return []  # all of it was stored by an earlier version
        seals.append(object_names.of_mix(recording.space_id, recording.mixes))
    return [lock_name(*seal.subjects) for seal in seals]
