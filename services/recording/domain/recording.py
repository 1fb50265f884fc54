"""The recording of one Space: who is recorded, from when to when, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct, field
from msgspec.structs import replace

from libs.eventstore import Aggregate, Fact, Meta
from libs.keyring import Words
from libs.refusal import Refusal
from services.recording.domain.chapters import Chapter, ChaptersSet, Lead, Set, checked
from services.recording.domain.facts import (
    Began,
    Deleted,
    DeletionReason,
    Discarded,
    Ended,
    Failed,
    FailureReason,
    Finished,
    HostNoted,
    MadeAgain,
    Reported,
    ReportSettled,
    SafetyCopyDestroyed,
    SafetyCopyHeard,
    SpeakerNoted,
    Track,
    VoiceErased,
)
from services.recording.domain.forms import DownloadsAllowed, FormMade, Forms, FormsOutdated, FormsRemoved
from services.recording.domain.sounds import MOST, Sound, SoundKept, SoundMissing, SoundsRemoved, SoundWanted, key_of

OUTDATING = (HostNoted, VoiceErased, MadeAgain, Deleted, SafetyCopyDestroyed, FormsOutdated, ChaptersSet)
"""Facts after which no form that was made before is given out."""
UNCHAPTERING = (Deleted, SafetyCopyDestroyed)
"""Facts after which there are no chapters."""


class Phase(StrEnum):
    """How far a recording is."""

    NONE = "none"
    RECORDING = "recording"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"
    DELETED = "deleted"
    """Nobody is shown it; the safety copy is kept."""
    DESTROYED = "destroyed"


class Terms(Struct, frozen=True):
    """For how long things are kept after the end of a Space."""

    replay: timedelta | None
    """The replay; None: until somebody deletes it."""
    safety: timedelta
    """The safety copy of one that was deleted."""
    reported: timedelta
    """The same while a report of it is open."""


class ConsentHistory(Struct, frozen=True):
    """Somebody who has been on stage; `consents` says from when on they consented, or did not."""

    consents: tuple[tuple[datetime, bool], ...]

    def consented(self, at: datetime) -> bool:
        """Whether they consented at a moment; before their first place on stage as at it."""
        known = [yes for since, yes in self.consents if since <= at]
        return known[-1] if known else self.consents[0][1]


class Recording(Aggregate):
    """State of the aggregate; its id is the Space's. Commands are methods that return facts."""

    phase: Phase = Phase.NONE
    title: Words = ""
    host: str = ""
    """Of whoever began to host it before this was noted: the first on its stage."""
    host_version: int = 0
    """Of the Space, when that host was noted."""
    reports: frozenset[str] = frozenset()
    """The open ones."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    speakers: dict[str, ConsentHistory] = field(default_factory=dict)
    finished: Finished | None = None
    """What is stored; without a mix while that is made again."""
    mixes: int = 0
    """How many there were."""
    discarded: DeletionReason | None = None
    """Why it is deleted as soon as it is stored; None where it is not."""
    downloads: bool = False
    """Whether others than the host may download the replay."""
    forms: Forms = Forms()
    chapters: Set = Set()
    sounds: dict[str, Sound] = field(default_factory=dict)
    """What is kept for reports, whatever becomes of the recording."""

    @property
    def space_id(self) -> str:
        return self.id

    def begin(self, *, started_at: datetime, title: Words) -> list[Fact]:
        """Begin, where it has not begun."""
        if self.phase is not Phase.NONE:
            return []
        return [Began(started_at=started_at, title=title)]

    def note_speaker(self, *, person_id: str, consents: bool, since: datetime) -> list[Fact]:
        """Somebody is on stage since a moment; told twice, noted once. Too late when it is over."""
        known = self.speakers.get(person_id)
        if self.phase not in (Phase.RECORDING, Phase.PROCESSING):
            return []
        if known is not None and any(at == since for at, _ in known.consents):
            return []
        return [SpeakerNoted(person_id=person_id, consents=consents, since=since)]

    def end(self, *, ended_at: datetime) -> list[Fact]:
        """The Space is over."""
        return [Ended(ended_at=ended_at)] if self.phase is Phase.RECORDING else []

    def finish(
        self,
        *,
        began_at: datetime,
        seconds: float,
        bytes: int,
        mix: str,
        tracks: list[Track],
        leads: tuple[Lead, ...] = (),
    ) -> list[Fact]:
        """The replay is stored."""
        if self.phase is not Phase.PROCESSING:
            return []
        finished = Finished(began_at=began_at, seconds=seconds, bytes=bytes, mix=mix, tracks=tuple(tracks), leads=leads)
        return [finished, *self._if_discarded()]

    def fail(self, *, reason: FailureReason, detail: str) -> list[Fact]:
        """There will be no replay."""
        if self.phase is not Phase.PROCESSING:
            return []
        return [Failed(reason=reason, detail=detail), *self._if_discarded()]

    def discard(self, actor: str | None) -> list[Fact]:
        """Its Space was deleted: so is the replay, as soon as there is one. The safety copy stays for its time."""
        reason: DeletionReason = "host" if actor is not None and actor == self.host else "platform"
        if self.phase in (Phase.RECORDING, Phase.PROCESSING):
            return [] if self.discarded else [Discarded(reason=reason)]
        return [Deleted(reason=reason)] if self._is_kept else []

    def _if_discarded(self) -> list[Fact]:
        return [Deleted(reason=self.discarded)] if self.discarded else []

    # -- who was erased --------------------------------------------------------------------------------------------

    def erase_voice(self, person_id: str) -> list[Fact]:
        """A speaker was erased, and their track removed, and the mix; where nobody else spoke nothing is left."""
        if self.finished is None or self.phase not in (Phase.READY, Phase.DELETED):
            return []
        if person_id not in {track.person_id for track in self.finished.tracks}:
            return []
        alone = len(self.finished.tracks) == 1
        return [VoiceErased(person_id=person_id), *(self.erase() if alone else [])]

    def erase(self) -> list[Fact]:
        """Nothing is left of the recording, not even a safety copy."""
        if self.phase is Phase.DELETED:
            return [SafetyCopyDestroyed()]
        deleted = Deleted(reason="platform")
        return [deleted, SafetyCopyDestroyed()] if self.phase is Phase.READY else [deleted] if self._is_kept else []

    @property
    def lacks_mix(self) -> bool:
        """Whether there are tracks of which a mix is to be made again."""
        return self.phase in (Phase.READY, Phase.DELETED) and self.finished is not None and not self.finished.mix

    def made_again(self, *, tracks: Sequence[Track], seconds: float, bytes: int, mix: str) -> list[Fact]:
        """A mix of these tracks is stored; too late where somebody else was erased meanwhile."""
        done = self.finished
        if done is None or not self.lacks_mix or done.tracks != tuple(tracks):
            return []
        shown = self.phase is Phase.READY
        return [
            MadeAgain(began_at=done.began_at, seconds=seconds, bytes=bytes, mix=mix, tracks=done.tracks, shown=shown)
        ]

    def sealed(self, before: Finished, names: Mapping[str, str]) -> list[Fact]:
        """What an earlier version stored plainly is stored again, sealed, under these names; too late where it is not
        as it was before."""
        if self.finished != before or self.lacks_mix or self.phase not in (Phase.READY, Phase.DELETED):
            return []
        tracks = tuple(replace(track, object=names.get(track.object, track.object)) for track in before.tracks)
        mix = names.get(before.mix, before.mix)
        shown = self.phase is Phase.READY
        return [
            MadeAgain(
                began_at=before.began_at,
                seconds=before.seconds,
                bytes=before.bytes,
                mix=mix,
                tracks=tracks,
                shown=shown,
            )
        ]

    # -- whose it is, and how long it is kept ------------------------------------------------------------------

    def note_host(self, host: str, version: int) -> list[Fact]:
        """Somebody hosts the Space at this version of it; what is older than what is known changes nothing."""
        if self.phase is Phase.NONE or host == self.host or version <= self.host_version:
            return []
        return [HostNoted(host=host, version=version)]

    def delete(self, actor: str | None, *, operator: bool) -> list[Fact]:
        """The host, or the platform, deletes the replay, or where it failed the transcript; again changes nothing."""
        if self.phase is Phase.NONE:
            raise Refusal("replay_unknown", "There is no replay of this Space.")
        if actor != self.host and not operator:
            raise Refusal("not_host", "Only the host deletes the replay of a Space.")
        if self.phase in (Phase.RECORDING, Phase.PROCESSING):
            raise Refusal("not_ready", "The replay is not ready yet; delete it when it is.", retry=True)
        return [Deleted(reason="host" if actor == self.host else "platform")] if self._is_kept else []

    def expire(self, now: datetime, terms: Terms) -> list[Fact]:
        """Delete what has been kept for its time."""
        over = terms.replay is not None and self._ended_before(now - terms.replay)
        return [Deleted(reason="expired")] if over and self._is_kept else []

    @property
    def _is_kept(self) -> bool:
        """Whether there is something that people are shown: the replay, or where it failed what was said in words."""
        return self.phase in (Phase.READY, Phase.FAILED)

    def report(self, report: str) -> list[Fact]:
        """Somebody complains of what was said; known also of a Space whose recording was not heard of yet."""
        return [] if report in self.reports else [Reported(report=report)]

    def settle(self, report: str) -> list[Fact]:
        """A complaint is open no more."""
        return [ReportSettled(report=report)] if report in self.reports else []

    def hear(self, report: str) -> list[Fact]:
        """An operator listens to what is kept, deleted or not, because of an open report."""
        if self.phase not in (Phase.READY, Phase.DELETED):
            raise Refusal("replay_unknown", "Nothing is kept of what was said in this Space.")
        if report not in self.reports:
            raise Refusal("report_unknown", "There is no open report of this Space with this id.")
        return [SafetyCopyHeard(report=report)]

    def may_be_destroyed(self, now: datetime, terms: Terms) -> bool:
        """Whether the safety copy has been kept for its time."""
        return self.phase is Phase.DELETED and self._ended_before(
            now - (terms.reported if self.reports else terms.safety)
        )

    def destroy(self, now: datetime, terms: Terms) -> list[Fact]:
        """The safety copy is gone."""
        return [SafetyCopyDestroyed()] if self.may_be_destroyed(now, terms) else []

    def _ended_before(self, moment: datetime) -> bool:
        return self.ended_at is not None and self.ended_at <= moment

    # -- downloading -------------------------------------------------------------------------------------------

    def allow_downloads(self, actor: str | None, *, allowed: bool) -> list[Fact]:
        """The host lets others download, or not any more; again changes nothing."""
        if self.phase in (Phase.NONE, Phase.DELETED, Phase.DESTROYED):
            raise Refusal("replay_unknown", "There is no replay of this Space.")
        if actor is None or actor != self.host:
            raise Refusal("not_host", "Only the host of a Space says who downloads its replay.")
        return [] if self.downloads == allowed else [DownloadsAllowed(allowed=allowed)]

    def may_download(self, actor: str | None) -> None:
        """Refuses: not_allowed, not_ready, replay_deleted, replay_unknown."""
        self.may_look()
        if not self.downloads and (actor is None or actor != self.host):
            raise Refusal("not_allowed", "The host does not let others download this replay.")
        if self.lacks_mix:
            raise Refusal("not_ready", "The replay is not ready yet.", retry=True)

    def may_look(self) -> Finished:
        """The replay that is shown. Refuses: replay_deleted, replay_unknown, not_ready."""
        if self.phase in (Phase.DELETED, Phase.DESTROYED):
            raise Refusal("replay_deleted", "The replay of this Space was deleted.")
        if self.phase in (Phase.NONE, Phase.FAILED):
            raise Refusal("replay_unknown", "There is no replay of this Space.")
        if self.finished is None:
            raise Refusal("not_ready", "The replay is not ready yet.", retry=True)
        return self.finished

    def must_be_host(self, actor: str | None) -> None:
        """Refuses: not_host."""
        if actor is None or actor != self.host:
            raise Refusal("not_host", "Only the host of a Space sets the chapters of its replay.")

    def may_set_chapters(self, actor: str | None, chapters: Sequence[Chapter]) -> None:
        """Refuses: as `may_look`, and not_host, invalid."""
        replay = self.may_look()
        self.must_be_host(actor)
        checked(chapters, replay.seconds)
        people = {track.person_id for track in replay.tracks}
        if not {one.person_id for one in chapters if one.person_id is not None} <= people:
            raise Refusal("invalid", "Chapters: somebody in them has no track in the replay.", field="chapters")

    def set_chapters(self, number: int, chapters: Words, count: int, object: str) -> list[Fact]:
        """The host sets chapters, sealed as the `number`th list under the name `object`; none where there are none
        already."""
        assert number == self.chapters.number + 1
        if not count and not self.chapters.count:
            return []
        return [ChaptersSet(host=self.host, number=number, chapters=chapters, count=count, object=object)]

    def form_made(self, fact: FormMade, of: Recording) -> list[Fact]:
        """A form is stored that was made of the recording as it was; too late where that has changed."""
        same = self.phase is Phase.READY and self.finished == of.finished and self.host == of.host == fact.host
        same = same and self.chapters.number == of.chapters.number
        return [fact] if same and self.forms.count == of.forms.count else []

    def outdate_forms(self) -> list[Fact]:
        """Somebody was erased whose words are in the forms."""
        return [FormsOutdated()] if self.forms.made else []

    def forms_removed(self, objects: tuple[str, ...]) -> list[Fact]:
        """They are destroyed; again changes nothing."""
        return [FormsRemoved(objects=objects)] if set(objects) & set(self.forms.outdated) else []

    # -- what is kept for reports ------------------------------------------------------------------------------

    def want_sound(self, report: str, piece: int, since: datetime, until: datetime) -> list[Fact]:
        """Sound of a stretch of the Space is to be kept for a piece of a report; told twice, noted once, and too many
        of a Space not at all. Known also of a Space that is not recorded."""
        no = key_of(report, piece) in self.sounds or len(self.sounds) >= MOST
        return [] if no else [SoundWanted(report=report, piece=piece, since=since, until=until)]

    def settle_sound(self, fact: SoundKept | SoundMissing) -> list[Fact]:
        """It is kept, or there is none; too late where nothing is kept for that report any more."""
        known = self.sounds.get(key_of(fact.report, fact.piece))
        return [fact] if known is not None and known.state == "awaited" else []

    def remove_sounds(self, report: str) -> list[Fact]:
        """Nothing is kept for a report any more; again changes nothing."""
        return [SoundsRemoved(report=report)] if any(one.report == report for one in self.sounds.values()) else []

    # -- evolving ----------------------------------------------------------------------------------------------

    def apply(self, fact: Fact, meta: Meta) -> None:
        if isinstance(fact, OUTDATING):
            self.forms = self.forms.all_outdated()
        if isinstance(fact, (ChaptersSet, *UNCHAPTERING)) and self.chapters.count:
            self.forms = self.forms.with_outdated(self.chapters.object)
            self.chapters = Set(number=self.chapters.number)
        match fact:
            case Began():
                self.phase, self.started_at, self.title = Phase.RECORDING, fact.started_at, fact.title
            case SpeakerNoted():
                known = self.speakers.get(fact.person_id)
                consents = (*(known.consents if known else ()), (fact.since, fact.consents))
                speaker = ConsentHistory(tuple(sorted(consents)))
                self.speakers = {**self.speakers, fact.person_id: speaker}
                self.host = self.host or fact.person_id
            case HostNoted():
                self.host, self.host_version = fact.host, fact.version
            case Ended():
                self.phase, self.ended_at = Phase.PROCESSING, fact.ended_at
            case Finished():
                self.phase, self.finished, self.mixes = Phase.READY, fact, 1
            case VoiceErased():
                assert self.finished is not None
                left = tuple(track for track in self.finished.tracks if track.person_id != fact.person_id)
                began_at, seconds = self.finished.began_at, self.finished.seconds
                leads = tuple(lead for lead in self.finished.leads if lead.person_id != fact.person_id)
                self.finished = Finished(began_at=began_at, seconds=seconds, bytes=0, mix="", tracks=left, leads=leads)
            case MadeAgain():
                self.finished = Finished(
                    began_at=fact.began_at, seconds=fact.seconds, bytes=fact.bytes, mix=fact.mix, tracks=fact.tracks,
                    leads=() if self.finished is None else self.finished.leads,
                )  # fmt: skip
                self.mixes += 1
            case DownloadsAllowed():
                self.downloads = fact.allowed
            case FormMade():
                self.forms = self.forms.with_made(fact)
            case FormsOutdated():
                pass
            case ChaptersSet():
                self.chapters = Set(fact.number, fact.host, fact.chapters, fact.count, fact.object)
            case FormsRemoved():
                self.forms = self.forms.without(fact.objects)
            case Discarded():
                self.discarded = fact.reason
            case Failed():
                self.phase = Phase.FAILED
            case Deleted():
                # Of one that failed there is no safety copy.
                self.phase = Phase.DESTROYED if self.phase is Phase.FAILED else Phase.DELETED
            case Reported():
                self.reports |= {fact.report}
            case ReportSettled():
                self.reports -= {fact.report}
            case SafetyCopyHeard():
                pass
            case SafetyCopyDestroyed():
                self.phase = Phase.DESTROYED
            case SoundWanted():
                sound = Sound(report=fact.report, piece=fact.piece, since=fact.since, until=fact.until)
                self.sounds = {**self.sounds, sound.key: sound}
            case SoundKept() | SoundMissing():
                key = key_of(fact.report, fact.piece)
                self.sounds = {**self.sounds, key: self.sounds[key].settled(fact)}
            case SoundsRemoved():
                self.sounds = {key: one for key, one in self.sounds.items() if one.report != fact.report}
            case _:
                raise TypeError(f"{type(fact).__name__} is no fact of a recording")
