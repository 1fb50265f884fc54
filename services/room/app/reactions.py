"""Reactions, counted until they are told."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable
from typing import Final

from contracts.room import v1
from libs.refusal import Refusal

_REMEMBERED: Final = 20_000
"""Commands whose repetition is noticed."""
_LIGHTEST: Final = 2
"""Unicode has five modifiers (UTS 51, section 2.4), U+1F3FB to U+1F3FF: the first is of the types 1 and 2."""


class ReactionCounts:
    """How often people reacted in each Space since that was last told."""

    def __init__(self, kinds: Iterable[str], with_skin_tone: Iterable[str] = ()) -> None:
        self._kinds = frozenset(kinds)
        self._with_skin_tone = frozenset(with_skin_tone)
        self._counts: dict[str, Counter[str]] = {}
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()

    def add(self, command: v1.React) -> None:
        """Count a reaction, once by its command id. Refuses: invalid (one that is not on the list, or has a skin tone
        that it does not take)."""
        if command.reaction not in self._kinds:
            raise Refusal("invalid", f"There is no reaction {command.reaction!r}.")
        if command.skin_tone is not None and command.reaction not in self._with_skin_tone:
            raise Refusal("invalid", f"The reaction {command.reaction!r} has no skin tone.")
        key = (command.actor or "", command.command_id)
        if key in self._seen:
            return
        self._seen[key] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        tone = command.skin_tone
        kind = command.reaction if tone is None else f"{command.reaction}:{max(tone, _LIGHTEST)}"
        self._counts.setdefault(command.space_id, Counter())[kind] += 1

    def spaces(self) -> list[str]:
        """Where somebody reacted."""
        return list(self._counts)

    def take(self, space_id: str) -> dict[str, int]:
        """How often each reaction was made in a Space, which begins at nothing again."""
        return dict(self._counts.pop(space_id, Counter()))
