"""Servers of the host product: their keys, and what they tell of people."""

from __future__ import annotations

from datetime import datetime, timedelta

from contracts.commands import Accepted
from contracts.people import v1
from libs.bus import Handlers
from libs.commands import Executor
from libs.refusal import Refusal
from services.people.app.api_keys import KeyRing
from services.people.app.identities import Identities, IssuedProfile
from services.people.app.mirroring import Mirrored, Mirroring
from services.people.domain.api_keys import ApiKey
from services.people.domain.entities import Entity
from services.people.handlers.access import operators_only


def add(
    table: Handlers, executor: Executor[Entity], keys: KeyRing, mirroring: Mirroring, identities: Identities
) -> None:
    """Answer for servers of the host product."""

    @table.on(v1.IssueApiKey)
    async def issue(command: v1.IssueApiKey) -> Accepted[v1.ApiKey]:
        operators_only(command)
        order = executor.order(command)
        return Accepted(
            result=_key(await keys.issue(order, command.key_id, command.digest, command.title, command.scopes))
        )

    @table.on(v1.RotateApiKey)
    async def rotate(command: v1.RotateApiKey) -> Accepted[v1.ApiKey]:
        operators_only(command)
        keep = timedelta(seconds=command.keep_seconds)
        return Accepted(result=_key(await keys.rotate(executor.order(command), command.key_id, command.digest, keep)))

    @table.on(v1.RevokeApiKey)
    async def revoke(command: v1.RevokeApiKey) -> Accepted[v1.ApiKey]:
        operators_only(command)
        return Accepted(result=_key(await keys.revoke(executor.order(command), command.key_id)))

    @table.on(v1.UseApiKey)
    async def use(command: v1.UseApiKey) -> Accepted[v1.ApiKey]:
        operators_only(command)
        used = await keys.use(executor.order(command), command.key_id, command.digest, command.scope)
        return Accepted(result=_key(used, good_until=used.good_until(command.digest)))

    @table.on(v1.ApiKeysQuery)
    async def every(query: v1.ApiKeysQuery) -> Accepted[v1.ApiKeys]:
        operators_only(query)
        return Accepted(result=v1.ApiKeys(keys=tuple(map(_key, await keys.all()))))

    @table.on(v1.UpsertPeople)
    async def upsert(command: v1.UpsertPeople) -> Accepted[v1.MirroredPeople]:
        operators_only(command)
        at = executor.order(command).at
        said = [
            IssuedProfile(command.issuer, one.subject, at, one.handle, one.name, one.protected)
            for one in command.people
        ]
        found = await mirroring.once(command.command_id, lambda: mirroring.people(said, at))
        people = tuple(_mirrored(one.subject, who) for one, who in zip(command.people, found, strict=True))
        return Accepted(result=v1.MirroredPeople(people=people))

    @table.on(v1.ChangeRelations)
    async def relate(command: v1.ChangeRelations) -> Accepted[v1.RelationsChanged]:
        operators_only(command)
        told = [Mirrored(one.subject, one.does, one.whom) for one in command.changes]
        refused = await mirroring.once(command.command_id, lambda: mirroring.relations(command.issuer, told))
        return Accepted(
            result=v1.RelationsChanged(
                refused=tuple(
                    v1.RefusedRelation(index=index, reason=no.reason, detail=no.detail)
                    for index, no in enumerate(refused)
                    if no is not None
                )
            )
        )

    @table.on(v1.SubjectsQuery)
    async def subjects(query: v1.SubjectsQuery) -> Accepted[v1.PeopleAtIssuer]:
        operators_only(query)
        found = [await identities.told_by(query.issuer, person_id) for person_id in query.person_ids]
        known = (
            v1.PersonAtIssuer(person_id=one.id, subject=one.subject, handle=one.handle, name=one.name)
            for one in found
            if one is not None
        )
        return Accepted(result=v1.PeopleAtIssuer(people=tuple(known)))


def _key(key: ApiKey, good_until: datetime | None = None) -> v1.ApiKey:
    return v1.ApiKey.model_validate(
        {
            "id": key.id,
            "name": key.title,
            "scopes": key.scopes,
            "created_at": key.created_at,
            "rotated_at": key.rotated_at,
            "last_used_at": key.used_at,
            "revoked": key.revoked,
            "good_until": good_until,
        }
    )


def _mirrored(subject: str, who: str | Refusal) -> v1.MirroredPerson:
    if isinstance(who, Refusal):
        return v1.MirroredPerson(subject=subject, reason=who.reason, detail=who.detail)
    return v1.MirroredPerson(subject=subject, person_id=who)
