"""The forms in which a mix was made to be downloaded."""

from __future__ import annotations

from msgspec import Struct

from libs.eventstore import Fact, stored


@stored("recording.downloads_allowed")
class DownloadsAllowed(Fact):
    """Everybody who may play the replay may download it from now on, or the host alone."""

    allowed: bool


@stored("recording.form_made")
class FormMade(Fact):
    """The mix is stored in a form."""

    form: str
    object: str
    host: str
    """Whose words are in it."""
    bytes: int
    sha384: str


@stored("recording.forms_outdated")
class FormsOutdated(Fact):
    """What was made is not given out any more, since somebody was erased whose words are in it."""


@stored("recording.forms_removed")
class FormsRemoved(Fact):
    """These are destroyed."""

    objects: tuple[str, ...]


class Forms(Struct, frozen=True):
    """What there is of the mix to download."""

    made: dict[str, FormMade] = {}
    """By form: those that are given out."""
    outdated: tuple[str, ...] = ()
    """Names of objects that are to be destroyed."""
    count: int = 0
    """How many were made in all."""

    def with_made(self, fact: FormMade) -> Forms:
        """With another one, which takes the place of an earlier one of the same form."""
        before = self.made.get(fact.form)
        gone = () if before is None else (before.object,)
        return Forms({**self.made, fact.form: fact}, (*self.outdated, *gone), self.count + 1)

    def all_outdated(self) -> Forms:
        """With none that is given out."""
        return Forms({}, (*self.outdated, *(one.object for one in self.made.values())), self.count)

    def with_outdated(self, name: str) -> Forms:
        """With something else that is to be destroyed, by its name in `contracts.object_names`."""
        return Forms(self.made, (*self.outdated, name), self.count)

    def without(self, objects: tuple[str, ...]) -> Forms:
        """Without those that are destroyed."""
        return Forms(self.made, tuple(name for name in self.outdated if name not in objects), self.count)
