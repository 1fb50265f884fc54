"""What the people of one Space speak: as they or the host chose it, or as it was found out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from services.transcription.domain.facts import Captioned
from services.transcription.domain.transcript import Detected
from services.transcription.engines import AUTO, UNDETERMINED
from services.transcription.projection.stages import CaptionedSpace, SpokenLanguage, Stages

_PARTIALS: Final = "en"
"""The language of partial captions whose speaker's language is not known: engines show no others."""


def understood(tags: Collection[str], languages: Collection[str]) -> bool:
    """Whether a recogniser that knows `languages` (primary subtags) understands one of these, or may find one out."""
    return any(_primary(tag) in languages or _primary(tag) == UNDETERMINED for tag in tags)


@dataclass(frozen=True, slots=True)
class Language:
    """What somebody speaks at a moment."""

    tag: str
    """BCP 47 tag, `und` where it is not known."""
    hint: str | None
    """What the recogniser is told: the primary subtag, or `auto`; None for a language that it does not understand."""

    def of_final(self, lang: str) -> str:
        """The tag of a caption in which the recogniser heard `lang`."""
        return self.tag if _primary(self.tag) == lang else lang

    def of_partial(self) -> str:
        """The tag of a partial caption."""
        return _PARTIALS if self.tag == UNDETERMINED else self.tag


class SpaceLanguages:
    """Those of one Space. A language that was found out holds for its speaker until somebody chooses again."""

    def __init__(
        self, stages: Stages, space: CaptionedSpace, understood: Collection[str], detected: Mapping[str, Detected]
    ) -> None:
        """`understood` are the primary subtags that the recogniser knows; `detected` is by person."""
        self._stages = stages
        self._space = space
        self._understood = frozenset(understood)
        self._detected = dict(detected)

    def of(self, person_id: str, at_ns: int) -> Language:
        """What somebody speaks at a moment, in ns since the Unix epoch."""
        spoken = self._stages.spoken(self._space.id, person_id, at_ns // 1000) or SpokenLanguage(self._space.lang, 0)
        primary = _primary(spoken.lang)
        if primary != UNDETERMINED:
            return Language(spoken.lang, primary if primary in self._understood else None)
        known = self._detected.get(person_id)
        if known is None or known.at.timestamp() * 1e6 < spoken.since_us:
            return Language(UNDETERMINED, AUTO)
        return Language(known.lang, known.lang if known.lang in self._understood else None)

    def learn(self, caption: Captioned) -> None:
        """Remember what was found out, unless nothing here understands it: then that was a mistake, or may be."""
        if caption.detected and caption.lang in self._understood:
            self._detected[caption.person_id] = Detected(caption.lang, caption.start_at)


def _primary(tag: str) -> str:
    return tag.partition("-")[0].lower()
