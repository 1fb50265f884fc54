"""People who prove elsewhere who they are: at the product that this is a part of."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from contracts.commands import Command, Query, register
from contracts.envelope import PersonId
from contracts.people.v1.profile import DisplayName, Person, PictureSource
from contracts.times import Moment

IssuerName = Annotated[str, StringConstraints(min_length=1, max_length=500)]
"""As tokens have it in `iss`."""
IssuerSubject = Annotated[str, StringConstraints(min_length=1, max_length=255)]
"""As tokens have it in `sub`: whom the issuer means, for ever."""
WantedHandle = Annotated[str, StringConstraints(max_length=200)]
"""What an issuer calls somebody; whatever it is, a handle is made of it."""


class SignedIn(Person):
    """Who has signed in."""

    picture_due: bool = False
    """Whether the picture that the issuer names is to be fetched, and given with `ChangePicture`."""


@register
class SignIn(Command[SignedIn]):
    """Somebody has proven who they are at an issuer. Whoever comes first is a new person with a profile; later the same
    issuer and subject are the same person, for ever.

    What the issuer says of them is taken over where it is another than the last time; otherwise what they chose here
    stays. What is None is not said. A handle that somebody has gets digits behind it.

    Refuses: unauthenticated (they were erased after the token was issued).
    """

    service = "people"
    name = "sign_in"
    result = SignedIn
    person_id: PersonId
    """Who they are if they are new; chosen by the gateway."""
    issuer: IssuerName
    subject_name: IssuerSubject
    issued_at: Moment | None = None
    """When the issuer said so. Without it, nobody who was erased comes back while their handle is kept."""
    display_name: DisplayName | None = None
    handle: WantedHandle | None = None
    protected: bool | None = None
    picture: PictureSource | None = None


@register
class SubjectQuery(Query[Person]):
    """Whoever an issuer means by a subject; for the gateway itself, and operators. Refuses: person_unknown."""

    service = "people"
    name = "subject"
    result = Person
    issuer: IssuerName
    subject_name: IssuerSubject
