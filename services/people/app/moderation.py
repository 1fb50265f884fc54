"""What operators do about people and Spaces, what they are asked, and the log of it."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from libs.commands import Executor, of_kind
from libs.eventstore import Fact, Order, Store
from libs.keyring import Words, lock_name
from libs.refusal import Refusal
from services.people.app.people_sealer import MODERATION, PeopleSealer, of_person, of_report, of_space
from services.people.app.report_copier import Copier
from services.people.domain.copies import Copy
from services.people.domain.entities import INSTANCE, Entity, stored_report
from services.people.domain.instance import Instance
from services.people.domain.person import Person
from services.people.domain.report import Evidence, Filed, Outcome, Report, Subject
from services.people.projection.acts import Act, LogPlace
from services.people.projection.moderation import AppealRow, Moderation, ReportRow
from services.people.projection.spaces import SAFETY_COPY_HEARD, KnownSpaces

_AT_ONCE: Final = 1.5
"""Seconds that a report waits for what it is about to be copied; what comes later is added to it."""


class Called(NamedTuple):
    """What somebody is called, and their picture."""

    handle: str
    name: str
    picture: str
    """Its id; empty for none."""


class Moderators:
    """Reports, suspensions, appeals, and the log."""

    def __init__(
        self,
        store: Store[Entity],
        executor: Executor[Entity],
        moderation: Moderation,
        spaces: KnownSpaces,
        sealer: PeopleSealer,
        copier: Copier,
        *,
        reasons: Sequence[str],
        space_wait: float,
    ) -> None:
        self._store = store
        self._executor = executor
        self._moderation = moderation
        self._spaces = spaces
        self.sealer = sealer
        self._copier = copier
        self.reasons = tuple(reasons)
        self._space_wait = space_wait
        self.suspended = asyncio.Event()
        """Set when somebody was suspended; for whoever waits for the end of that."""
        self.filed_or_closed = asyncio.Event()
        """Set when a report was made or closed; for whoever copies what is reported, and destroys the copies."""

    # -- suspension --------------------------------------------------------------------------------------------

    async def suspend(
        self, order: Order, person_id: str, reason: str, explanation: str, report: str | None, until: datetime | None
    ) -> int:
        """Refuse somebody everywhere, and close the report that asked for it. Refuses: person_unknown, invalid,
        report_unknown."""
        self._check(reason)
        await self._must_be_report(report)
        words = self.about(person_id, explanation)
        decide = of_kind(Person, lambda it: it.suspend(reason, words, report, until=until, now=order.at))
        done = await self._executor.execute(order, person_id, decide)
        self.suspended.set()
        await self._answer(order, report, explanation)
        return done.version

    async def order_end(self, order: Order, space_id: str, reason: str, explanation: str, report: str | None) -> None:
        """Put on the log that a Space is ended, and why. Refuses: space_unknown, invalid, report_unknown."""
        self._check(reason)
        await self._must_be_report(report)
        await self._must_be_space(space_id)
        words, lock = self._about_space(space_id, explanation)
        decide = of_kind(Instance, lambda it: it.order_end(space_id, reason, words, report, lock))
        await self._executor.execute(order, INSTANCE, decide)
        await self._answer(order, report, explanation)

    # -- reports -----------------------------------------------------------------------------------------------

    async def file(
        self,
        order: Order,
        report_id: str,
        reporter: str,
        person_id: str | None,
        space_id: str | None,
        reason: str,
        comment: str,
        evidence: tuple[Evidence, ...],
    ) -> tuple[int, ReportRow]:
        """Keep a complaint, with who and what it is about as they are now; what cannot be copied at once is copied
        later. Refuses: person_unknown, space_unknown, not_allowed, suspended, invalid; unavailable while it is not
        known who hosts the Space."""
        self._check(reason)
        await self._store.read(reporter, of_kind(Person, Person.must_stand_well))
        handle = name = ""
        if person_id is not None:
            handle, name, _ = await self._store.read(person_id, of_kind(Person, self._named))
        title, host = "", None
        if space_id is not None:
            await self._spaces.must_be_complete()
            await self._must_be_space(space_id)
            if (known := self._spaces.find(space_id)) is not None:
                title, host = known.title, known.host
        handle_, name_, title_, comment_ = (self._in(report_id, text) for text in (handle, name, title, comment))
        subject = Subject(person=person_id, handle=handle_, name=name_, space=space_id, title=title_, host=host)
        filed = Filed(
            reporter=reporter, subject=subject, reason=reason, comment=comment_, evidence=evidence, copied=True
        )
        numbers = range(len(filed.pieces))
        copies = await self._copier.copy(report_id, filed, numbers, at=order.at, patience=_AT_ONCE)
        id = stored_report(report_id)
        done = await self._executor.execute(order, id, of_kind(Report, lambda report: report.file(filed, copies)))
        self.filed_or_closed.set()
        return done.version, await self.report(report_id)

    async def close(self, order: Order, report_id: str, outcome: Outcome, explanation: str) -> tuple[int, ReportRow]:
        """Say what becomes of a report. Refuses: report_unknown, wrong_state."""
        words = self._in(report_id, explanation)
        decide = of_kind(Report, lambda report: report.close(outcome, words))
        done = await self._executor.execute(order, stored_report(report_id), decide)
        self.filed_or_closed.set()
        return done.version, await self.report(report_id)

    async def reopen(self, order: Order, report_id: str, explanation: str) -> tuple[int, ReportRow]:
        """Look at a report again. Refuses: report_unknown, wrong_state."""
        words = self._in(report_id, explanation)
        decide = of_kind(Report, lambda report: report.reopen(words))
        done = await self._executor.execute(order, stored_report(report_id), decide)
        return done.version, await self.report(report_id)

    async def look(self, order: Order, report_id: str, piece: int | None) -> Report:
        """The report with its copies, for an operator who reads them or listens to a piece; it is put on the log.
        Refuses: report_unknown."""
        id = stored_report(report_id)
        await self._executor.execute(order, id, of_kind(Report, lambda report: report.look(piece)))
        return await self._store.read(id, of_kind(Report, copy))

    def read_copy(self, report_id: str, words: Words) -> Copy:
        """The words of a piece; none where they are destroyed. Refuses: unavailable."""
        text = self.read_in(report_id, words)
        return msgspec.json.decode(text, type=Copy) if text else Copy()

    async def report(self, report_id: str) -> ReportRow:
        """One report, everything committed included. Refuses: report_unknown."""
        await self._moderation.catch_up(self._store)
        row = self._moderation.report(report_id)
        if row is None:
            raise Refusal("report_unknown", "There is no such report.")
        return row

    async def reports(
        self, before: str | None, state: str | None, person_id: str | None, space_id: str | None, limit: int
    ) -> tuple[list[ReportRow], str | None]:
        """A page of reports, newest first. Refuses: invalid."""
        await self._moderation.catch_up(self._store)
        return self._moderation.reports(before, state, person_id, space_id, limit)

    # -- appeals -----------------------------------------------------------------------------------------------

    async def appeals(
        self, before: str | None, state: str | None, person_id: str | None, limit: int
    ) -> tuple[list[AppealRow], str | None]:
        """A page of appeals, newest first. Refuses: invalid."""
        await self._moderation.catch_up(self._store)
        return self._moderation.appeals(before, state, person_id, limit)

    # -- the log -----------------------------------------------------------------------------------------------

    async def log(
        self, before: str | None, person_id: str | None, space_id: str | None, limit: int
    ) -> tuple[list[Act], str | None]:
        """A page of what operators and hosts did, newest first. Refuses: invalid; unavailable while some of it is not
        known."""
        await self._spaces.must_be_complete()
        await self._moderation.catch_up(self._store)
        place = LogPlace.read(before)
        both = (
            self._moderation.acts(place, person_id, space_id, limit + 1),
            self._spaces.acts(place, person_id, space_id, limit + 1),
        )
        page = list(islice(heapq.merge(*both, key=lambda act: act.place, reverse=True), limit + 1))
        return page[:limit], str(page[limit - 1].place) if len(page) > limit else None

    async def log_of_space(
        self, before: str | None, host: str, space_id: str, limit: int
    ) -> tuple[list[Act], str | None]:
        """A page of what was done in a Space, for its host: nothing of what operators do, nor who they are. Refuses:
        not_allowed, invalid; unavailable while it is not known who the host is."""
        await self._spaces.must_be_complete()
        known = self._spaces.find(space_id)
        if known is None or known.host != host:
            raise Refusal("not_allowed", "This is for those who run this place, and for the host of the Space.")
        found = self._spaces.acts(LogPlace.read(before), None, space_id, limit + 1)
        told = [act for act in found[:limit] if act.act != SAFETY_COPY_HEARD]
        page = [replace(act, actor=None) if act.act == "ended" else act for act in told]
        return page, str(found[limit - 1].place) if len(found) > limit else None

    async def undo(self, order: Order, entry_id: str, explanation: str) -> None:
        """Take an act back. Refuses: entry_unknown, wrong_state."""
        await self._moderation.catch_up(self._store)
        act = self._moderation.act(entry_id) or self._spaces.act(entry_id)
        if act is None:
            await self._spaces.must_be_complete()
            raise Refusal("entry_unknown", "There is no such entry on the log.")
        id, decide = self._undoing(act, explanation)

        def still(entity: Entity) -> list[Fact]:
            # Inside the decision, so that the same command sent again is answered as it was.
            if act.undone_by is not None:
                raise Refusal("wrong_state", "This has been undone already.")
            return decide(entity)

        await self._executor.execute(order, id, still)

    def _undoing(self, act: Act, explanation: str) -> tuple[str, Callable[[Entity], list[Fact]]]:
        """The aggregate, and the decision on it, that takes an act back."""
        match act.act:
            case "suspended" | "hosting_allowed" | "hosting_withdrawn":
                person_id = act.person or ""
                words = self.about(person_id, explanation)
                undoing: dict[str, Callable[[Person], list[Fact]]] = {
                    "suspended": lambda person: person.reinstate(words),
                    "hosting_allowed": lambda person: person.withdraw_hosting(words),
                    "hosting_withdrawn": lambda person: person.allow_hosting(words),
                }
                return person_id, of_kind(Person, undoing[act.act])
            case "report_dismissed" | "report_acted":
                report_id = act.report or ""
                said = self._in(report_id, explanation)
                return stored_report(report_id), of_kind(Report, lambda report: report.reopen(said))
            case "hosting_policy_changed":
                version = int(act.id.rpartition("-")[2])
                return INSTANCE, of_kind(Instance, lambda it: it.undo_policy(version, act.id, explanation))
            case _:
                raise Refusal("wrong_state", "This cannot be undone here.")

    async def named(self, person_id: str) -> Called | None:
        """What somebody is called; None for who has no profile."""
        try:
            return await self._store.read(person_id, of_kind(Person, self._named))
        except Refusal as no:
            if no.reason != "person_unknown":
                raise
            return None

    def title(self, space_id: str | None) -> str:
        """A Space's headline; empty where it is not known."""
        known = None if space_id is None else self._spaces.find(space_id)
        return "" if known is None else known.title

    # -- words -------------------------------------------------------------------------------------------------

    def about(self, person_id: str, text: str) -> Words:
        """What is written about somebody, or by them to operators, as it is stored. Refuses: unavailable."""
        return self.sealer.seal(of_person(person_id), MODERATION, text)

    def read_in(self, report_id: str, words: Words) -> str:
        """What is written in a report; empty where it was erased. Refuses: unavailable."""
        return self.sealer.read(of_report(report_id), MODERATION, words)

    def explanation(self, act: Act) -> str:
        """Why something was done; empty where it was erased. Refuses: unavailable."""
        if act.act.startswith("report_"):
            return self.read_in(act.report or "", act.explanation)
        if act.lock:
            return self.sealer.read(act.lock, MODERATION, act.explanation)
        return self.sealer.read_about(act.person or "", act.explanation)

    def _about_space(self, space_id: str, text: str) -> tuple[Words, str]:
        """What is written about a Space, and the lock it is sealed under: it goes with the Space or its host.

        Where both are erased nothing is kept of it; the Space is ended all the same. Refuses: unavailable.
        """
        known = self._spaces.find(space_id)
        space = of_space(space_id)
        for lock in ([lock_name(space, of_person(known.host))] if known else []) + [space]:
            try:
                return self.sealer.seal(lock, MODERATION, text), lock
            except Refusal as no:
                if no.reason != "wrong_state":
                    raise
        return "", ""

    def _in(self, report_id: str, text: str) -> Words:
        return self.sealer.seal(of_report(report_id), MODERATION, text)

    def _named(self, person: Person) -> Called:
        if not person.exists:
            raise Refusal("person_unknown", "There is no such person.")
        profile, read = person.profile, partial(self.sealer.read_name, person.id)
        return Called(read(profile.handle), read(profile.name), profile.picture)

    # -- what is checked ---------------------------------------------------------------------------------------

    def _check(self, reason: str) -> None:
        if reason not in self.reasons:
            raise Refusal("invalid", f"The reason is one of: {', '.join(self.reasons)}.", field="reason")

    async def _must_be_space(self, space_id: str) -> None:
        if not await self._spaces.until(lambda: self._spaces.find(space_id) is not None, self._space_wait):
            await self._spaces.must_be_complete()
            raise Refusal("space_unknown", "There is no such Space.")

    async def _must_be_report(self, report: str | None) -> None:
        if report is not None:
            await self.report(report)

    async def _answer(self, order: Order, report: str | None, explanation: str) -> None:
        """Close the report that an act answers, where it is open; sent again, the command does what is missing."""
        if report is None or (await self.report(report)).state != "open":
            return
        await self.close(
            Order(f"{order.id}/report", order.actor, order.at, api_key=order.api_key), report, "acted", explanation
        )


def last_appeal(person: Person) -> AppealRow:
    """The newest appeal of somebody who has appealed."""
    appeal = person.appeal
    if appeal is None:
        raise LookupError(f"{person.id} has not appealed")
    state = {None: "lapsed" if appeal.lapsed else "open", True: "granted", False: "rejected"}[appeal.granted]
    return AppealRow(
        person.id, appeal.suspension.since, appeal.suspension.reason, appeal.suspension.explanation,
        appeal.at, appeal.text, state, appeal.decided_at, appeal.answer,
    )  # fmt: skip
