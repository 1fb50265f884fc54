"""People who come from elsewhere."""

from __future__ import annotations

from contracts.commands import Accepted
from contracts.people import v1
from libs.bus import Handlers
from libs.commands import Executor
from services.people.app.identities import Identities, IssuedProfile
from services.people.domain.entities import Entity
from services.people.handlers.access import operators_only
from services.people.handlers.people import wire_person


def add(table: Handlers, executor: Executor[Entity], identities: Identities) -> None:
    """Answer for who is who elsewhere."""

    @table.on(v1.SignIn)
    async def sign_in(command: v1.SignIn) -> Accepted[v1.SignedIn]:
        said = IssuedProfile(
            command.issuer,
            command.subject_name,
            command.issued_at,
            command.handle,
            command.display_name,
            command.protected,
            command.picture,
        )
        done = await identities.sign_in(executor.order(command), command.person_id, said)
        due = command.picture is not None and await identities.picture_due(done.view.id, command.picture)
        result = v1.SignedIn(**dict(wire_person(done.view, 0)), picture_due=due)
        return Accepted(version=done.version, result=result)

    @table.on(v1.SubjectQuery)
    async def subject(query: v1.SubjectQuery) -> Accepted[v1.Person]:
        operators_only(query)
        profile = await identities.find(query.issuer, query.subject_name)
        return Accepted(version=profile.version, result=wire_person(profile, 0))
