"""Keys of what is recorded: for what is captured, for the process that builds, and how they are destroyed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import NamedTuple

from contracts import object_names
from contracts.object_names import Seal
from libs.keyring import Destroyed, Expired, UnitKey, Words, lock_name
from libs.keyring.client import Keyring
from libs.refusal import Refusal
from services.recording.domain.recording import Recording
from services.recording.replay.build import Recorded

DestroyUnit = Callable[[str, str], Awaitable[object]]


def lock_of_title(space_id: str) -> str:
    """The lock of what a Space is called, here."""
    return lock_name(f"space:{space_id}")


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


class CutKeys(NamedTuple):
    """The keys with which a stretch is cut out for a report."""

    people: dict[str, UnitKey]
    """What opens what there is of whom; those whose keys are destroyed are left out."""
    sound: UnitKey
    locks: frozenset[str]
    """The locks that these keys are of."""


class FormKeys(NamedTuple):
    """The keys with which a form of the mix is made, and what the Space was called."""

    title: str
    mix: UnitKey | None
    """None for one of an earlier version."""
    form: UnitKey
    locks: frozenset[str]
    """The locks that these keys are of."""


class SealKeys(NamedTuple):
    """The keys with which what an earlier version stored plainly is sealed."""

    objects: dict[str, tuple[str, UnitKey]]
    """By the names that objects have, those that they get, and their keys."""
    locks: frozenset[str]
    """The locks that these keys are of."""


class AudioKeys:
    """Keys as recording needs them. Where their owner is away, every method raises Refusal or Unavailable."""

    def __init__(self, keyring: Keyring, destroy: DestroyUnit) -> None:
        """`destroy` destroys a unit of a lock for ever, with all below it."""
        self._keyring = keyring
        self._destroy = destroy

    async def open_captured(self, space_id: str, person_id: str, unit: str | None, body: bytes) -> bytes | None:
        """What was captured of a speaker, sealed for a unit or (None) not; None where their keys are destroyed.

        Raises Tampered. May raise Expired.
        """
        if unit is None:
            return body
        seal = object_names.of_speaker(space_id, person_id, unit)
        try:
            return (await self._keyring.lock(*seal.subjects)).open_bytes(unit, body)
        except Destroyed:
            return None

    async def to_spool(self, space_id: str, person_id: str, unit: str | None, body: bytes) -> bytes | None:
        """What was captured of a speaker as it is spooled: as it came, where media has sealed it for that.

        None where their keys are destroyed. Raises Tampered. May raise Expired.
        """
        if unit == object_names.SPOOL:
            return body
        plain = await self.open_captured(space_id, person_id, unit, body)
        if plain is None:
            return None
        seal = object_names.of_speaker(space_id, person_id, object_names.SPOOL)
        try:
            return (await self._keyring.lock(*seal.subjects)).seal_bytes(seal.unit, plain)
        except Destroyed:
            return None

    async def seal_title(self, space_id: str, title: str) -> Words:
        """What a Space is called as it is stored; nothing where its keys are destroyed. May raise Expired."""
        try:
            return (await self._keyring.lock(lock_of_title(space_id))).seal(object_names.TITLE, title)
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

    async def to_cut(self, space_id: str, person_ids: Iterable[str], unit: str, sound: Seal) -> CutKeys | None:
        """The keys with which a stretch is cut out of what is sealed for a unit of these people; None where the
        report's key is destroyed. May raise Expired."""
        wanted = {id: lock_name(*object_names.of_speaker(space_id, id).subjects) for id in person_ids}
        of_report = lock_name(*sound.subjects)
        locks = await self._keyring.locks([of_report, *wanted.values()])
        if not locks[of_report].has(sound.unit):
            return None
        people = {id: locks[name].key_of(unit) for id, name in wanted.items() if locks[name].has(unit)}
        used = frozenset((of_report, *(wanted[id] for id in people)))
        return CutKeys(people, locks[of_report].key_of(sound.unit), used)

    async def to_form(self, recording: Recording, name: str) -> FormKeys | None:
        """The keys with which a form of the mix is made that is stored under a name; None where one is destroyed. May
        raise Expired."""
        assert recording.finished is not None
        seal, of_mix = object_names.seal_of(name), object_names.seal_of(recording.finished.mix)
        assert seal is not None
        title, form = lock_of_title(recording.space_id), lock_name(*seal.subjects)
        mix = None if of_mix is None else lock_name(*of_mix.subjects)
        locks = await self._keyring.locks({title, form, *([] if mix is None else [mix])})
        if not all(lock.holds for lock in locks.values()):
            raise Expired("a lock was dropped while others were asked for")
        if not locks[form].has(seal.unit):
            return None
        if mix is not None and of_mix is not None and not locks[mix].has(of_mix.unit):
            return None
        key = None if mix is None or of_mix is None else locks[mix].key_of(of_mix.unit)
        called = locks[title].legible(recording.title, object_names.TITLE) or ""
        return FormKeys(called, key, locks[form].key_of(seal.unit), frozenset(locks))

    async def seal_chapters(self, space_id: str, host: str, number: int, chapters: str) -> Words:
        """A list of chapters as it is stored. Refuses: not_host where the host's keys are destroyed. May raise
        Expired."""
        seal = object_names.of_chapters(space_id, host, number)
        try:
            return (await self._keyring.lock(*seal.subjects)).seal(seal.unit, chapters)
        except Destroyed:
            raise Refusal("not_host", "This account was deleted.") from None

    async def open_chapters(self, recording: Recording) -> str | None:
        """The list of chapters that is stored; None where its key is destroyed. May raise Expired."""
        known = recording.chapters
        seal = object_names.of_chapters(recording.space_id, known.host, known.number)
        return (await self._keyring.lock(*seal.subjects)).legible(known.chapters, seal.unit)

    async def destroy_object(self, name: str) -> None:
        """Destroy the key of an object. Again changes nothing."""
        if (seal := object_names.seal_of(name)) is not None:
            await self._destroy(lock_name(*seal.subjects), seal.unit)

    async def to_seal(self, recording: Recording) -> SealKeys | None:
        """The keys with which the stored objects of an earlier version are sealed; None where one of them is
        destroyed. May raise Expired."""
        done, space_id = recording.finished, recording.space_id
        assert done is not None
        names = {done.mix: object_names.mix(space_id, recording.mixes + 1)}
        names |= {track.object: object_names.track(space_id, track.person_id) for track in done.tracks}
        names = {name: sealed for name, sealed in names.items() if object_names.seal_of(name) is None}
        seals = {name: seal for name, sealed in names.items() if (seal := object_names.seal_of(sealed)) is not None}
        locks = await self._keyring.locks({lock_name(*seal.subjects) for seal in seals.values()})
        found: dict[str, tuple[str, UnitKey]] = {}
        for name, seal in seals.items():
            lock = locks[lock_name(*seal.subjects)]
            if not lock.has(seal.unit):
                return None
            found[name] = names[name], lock.key_of(seal.unit)
        return SealKeys(found, frozenset(locks))

    async def to_seal_spooled(self, space_id: str, person_id: str) -> Callable[[bytes], bytes]:
        """What seals what is spooled of a person; it may raise Expired and Destroyed. May raise both too."""
        seal = object_names.of_speaker(space_id, person_id, object_names.SPOOL)
        return partial((await self._keyring.lock(*seal.subjects)).seal_bytes, seal.unit)

    async def spool_keys(self, space_id: str, person_ids: Iterable[str]) -> dict[str, UnitKey]:
        """What opens what is spooled of these people; those whose keys are destroyed are left out. May raise
        Expired."""
        wanted = {id: lock_name(*object_names.of_speaker(space_id, id).subjects) for id in person_ids}
        locks = await self._keyring.locks(wanted.values())
        return {
            id: locks[name].key_of(object_names.SPOOL)
            for id, name in wanted.items()
            if locks[name].has(object_names.SPOOL)
        }

    async def seal_live(self, space_id: str, number: int, part: bytes) -> bytes | None:
        """A part of a running Space's mix as it is kept; None where the Space's keys are destroyed. May raise
        Expired."""
        seal = object_names.of_live(space_id, number)
        try:
            return (await self._keyring.lock(*seal.subjects)).seal_bytes(seal.unit, part)
        except Destroyed:
            return None

    async def open_live(self, space_id: str, number: int, sealed: bytes) -> bytes | None:
        """The same once it is opened. Raises Tampered. May raise Expired."""
        seal = object_names.of_live(space_id, number)
        try:
            return (await self._keyring.lock(*seal.subjects)).open_bytes(seal.unit, sealed)
        except Destroyed:
            return None

    async def destroy_live(self, space_id: str, number: int) -> None:
        """Destroy the key of a run of parts. Again changes nothing."""
        seal = object_names.of_live(space_id, number)
        await self._destroy(lock_name(*seal.subjects), seal.unit)

    async def live(self, locks: frozenset[str]) -> bool:
        """Whether this process may still have keys of all these locks, and none was destroyed with its subject."""
        found = await self._keyring.locks(locks)
        return not any(lock.destroyed or not lock.holds for lock in found.values())

    async def destroy_mix(self, recording: Recording) -> None:
        """Destroy the key of the mix that is stored. Again changes nothing."""
        seal = None if recording.finished is None else object_names.seal_of(recording.finished.mix)
        if seal is not None:
            await self._destroy(lock_name(*seal.subjects), seal.unit)

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
    if (recording.forms.count or recording.chapters.number) and recording.host not in speakers:
        seals.append(object_names.of_speaker(recording.space_id, recording.host))
    seals.append(object_names.of_mix(recording.space_id, recording.mixes))
    return [lock_name(*seal.subjects) for seal in seals]
