"""Who somebody is elsewhere: what an issuer of identities says of them."""

from __future__ import annotations

from datetime import datetime

from libs.eventstore import Fact, stored
from libs.keyring import Words


@stored("people.identified")
class Identified(Fact):
    """What an issuer says of the person, all of it, as it was told last."""

    issuer: Words
    subject: Words
    handle: Words = ""
    """What it calls them, which need not be the handle they have."""
    name: Words = ""
    protected: bool | None = None
    issued_at: datetime | None = None
    """When the token that said so was made. An older one changes nothing any more."""
    refused_until: datetime | None = None
    """Earlier tokens are refused: their issuer's subject was somebody who was erased then."""
    picture: Words = ""
    """Where it says that their picture is."""
    picture_taken: bool = False
    """Whether that was fetched and is theirs, or was until they chose another."""


def with_picture(told: Identified) -> Identified:
    """The same, with the picture taken."""
    return Identified(
        issuer=told.issuer,
        subject=told.subject,
        handle=told.handle,
        name=told.name,
        protected=told.protected,
        issued_at=told.issued_at,
        refused_until=told.refused_until,
        picture=told.picture,
        picture_taken=True,
    )
