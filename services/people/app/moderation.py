"""What operators do about people and Spaces, what they are asked, and the log of it."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from libs.eventstore import Fact, Order, Store
from libs.refusal import Refusal
from services.people.app.entity import INSTANCE, nothing, of_instance, of_person, of_report, stored_report
from services.people.domain import (
    Entity,
    Evidence,
    Filed,
    Person,
    Subject,
)
from services.people.domain.report import Outcome
from services.people.projection import Act, AppealRow, Moderation, Place, ReportRow, Spaces
from services.people.projection.spaces import SAFETY_COPY_HEARD


class Moderators:
    """Reports, suspensions, appeals, and the log."""

    def __init__(
        self,
        store: Store[Entity],
        moderation: Moderation,
        spaces: Spaces,
        *,
        reasons: Sequence[str],
        space_wait: float,
    ) -> None:
        self._store = store
        self._moderation = moderation
        self._spaces = spaces
        self.reasons = tuple(reasons)
        self._space_wait = space_wait
        self.suspended = asyncio.Event()
        """Set when somebody was suspended; for whoever waits for the end of that."""

    # -- suspension --------------------------------------------------------------------------------------------

    async def suspend(
        self, order: Order, person_id: str, reason: str, explanation: str, report: str | None, until: datetime | None
    ) -> int:
        """Refuse somebody everywhere, and close the report that asked for it. Refuses: person_unknown, invalid,
        report_unknown."""
        self._check(reason)
        await self._must_be_report(report)
        decide = of_person(lambda it: it.suspend(reason, explanation, report, until=until, now=order.at))
        done = await self._store.execute(person_id, order, decide, nothing)
        self.suspended.set()
        await self._answer(order, report, explanation)
        return done.version

    async def reinstate(self, order: Order, person_id: str, explanation: str) -> int:
        """End a suspension. Refuses: person_unknown."""
        decide = of_person(lambda person: person.reinstate(explanation))
        return (await self._store.execute(person_id, order, decide, nothing)).version

    async def order_end(self, order: Order, space_id: str, reason: str, explanation: str, report: str | None) -> None:
        """Put on the log that a Space is ended, and why. Refuses: space_unknown, invalid, report_unknown."""
        self._check(reason)
        await self._must_be_report(report)
        await self._must_be_space(space_id)
        decide = of_instance(lambda it: it.order_end(space_id, reason, explanation, report))
        await self._store.execute(INSTANCE, order, decide, nothing)
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
        """Keep a complaint, with who and what it is about as they are now. Refuses: person_unknown, space_unknown,
        not_allowed, suspended, invalid."""
        self._check(reason)
        await self._store.read(reporter, of_person(_must_stand_well))
        subject = Subject(person=person_id, space=space_id)
        if person_id is not None:
            handle, name = await self._store.read(person_id, of_person(_named))
            subject = Subject(person=person_id, space=space_id, handle=handle, name=name)
        if space_id is not None:
            await self._must_be_space(space_id)
            if (known := self._spaces.find(space_id)) is not None:
                subject = Subject(
                    person=person_id, handle=subject.handle, name=subject.name,
                    space=space_id, title=known.title, host=known.host,
                )  # fmt: skip
        filed = Filed(reporter=reporter, subject=subject, reason=reason, comment=comment, evidence=evidence)
        id = stored_report(report_id)
        done = await self._store.execute(id, order, of_report(lambda report: report.file(filed)), nothing)
        return done.version, await self.report(report_id)

    async def close(self, order: Order, report_id: str, outcome: Outcome, explanation: str) -> tuple[int, ReportRow]:
        """Say what becomes of a report. Refuses: report_unknown, wrong_state."""
        decide = of_report(lambda report: report.close(outcome, explanation))
        done = await self._store.execute(stored_report(report_id), order, decide, nothing)
        return done.version, await self.report(report_id)

    async def reopen(self, order: Order, report_id: str, explanation: str) -> tuple[int, ReportRow]:
        """Look at a report again. Refuses: report_unknown."""
        decide = of_report(lambda report: report.reopen(explanation))
        done = await self._store.execute(stored_report(report_id), order, decide, nothing)
        return done.version, await self.report(report_id)

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

    async def lodge(self, order: Order, person_id: str, text: str) -> tuple[int, AppealRow]:
        """A suspended person appeals. Refuses: person_unknown, wrong_state."""
        return await self._appeal(order, person_id, lambda person: person.lodge_appeal(text))

    async def decide_appeal(self, order: Order, person_id: str, granted: bool, answer: str) -> tuple[int, AppealRow]:
        """Operators answer an open appeal. Refuses: person_unknown, wrong_state."""
        return await self._appeal(order, person_id, lambda person: person.decide_appeal(granted, answer))

    async def _appeal(
        self, order: Order, person_id: str, decide: Callable[[Person], list[Fact]]
    ) -> tuple[int, AppealRow]:
        done = await self._store.execute(person_id, order, of_person(decide), of_person(_last_appeal))
        return done.version, done.view

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
        """A page of what operators and hosts did, newest first. Refuses: invalid."""
        await self._moderation.catch_up(self._store)
        place = Place.read(before)
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
        not_allowed, invalid."""
        known = self._spaces.find(space_id)
        if known is None or known.host != host:
            raise Refusal("not_allowed", "This is for those who run this place, and for the host of the Space.")
        found = self._spaces.acts(Place.read(before), None, space_id, limit + 1)
        told = [act for act in found[:limit] if act.act != SAFETY_COPY_HEARD]
        page = [replace(act, actor=None) if act.act == "ended" else act for act in told]
        return page, str(found[limit - 1].place) if len(found) > limit else None

    async def undo(self, order: Order, entry_id: str, explanation: str) -> None:
        """Take an act back. Refuses: entry_unknown, wrong_state."""
        await self._moderation.catch_up(self._store)
        act = self._moderation.act(entry_id) or self._spaces.act(entry_id)
        if act is None:
            raise Refusal("entry_unknown", "There is no such entry on the log.")
        id, decide = self._undoing(act, explanation)

        def still(entity: Entity) -> list[Fact]:
            # Inside the decision, so that the same command sent again is answered as it was.
            if act.undone_by is not None:
                raise Refusal("wrong_state", "This has been undone already.")
            return decide(entity)

        await self._store.execute(id, order, still, nothing)

    def _undoing(self, act: Act, explanation: str) -> tuple[str, Callable[[Entity], list[Fact]]]:
        """The aggregate, and the decision on it, that takes an act back."""
        match act.act:
            case "suspended":
                return act.person or "", of_person(lambda person: person.reinstate(explanation))
            case "hosting_allowed":
                return act.person or "", of_person(lambda person: person.withdraw_hosting(explanation))
            case "hosting_withdrawn":
                return act.person or "", of_person(lambda person: person.allow_hosting(explanation))
            case "report_dismissed" | "report_acted":
                return stored_report(act.report or ""), of_report(lambda report: report.reopen(explanation))
            case "hosting_policy_changed":
                version = int(act.id.rpartition("-")[2])
                return INSTANCE, of_instance(lambda it: it.undo_policy(version, act.id, explanation))
            case _:
                raise Refusal("wrong_state", "This cannot be undone here.")

    # -- what is checked ---------------------------------------------------------------------------------------

    def _check(self, reason: str) -> None:
        if reason not in self.reasons:
            raise Refusal("invalid", f"The reason is one of: {', '.join(self.reasons)}.")

    async def _must_be_space(self, space_id: str) -> None:
        if not await self._spaces.until(lambda: self._spaces.find(space_id) is not None, self._space_wait):
            raise Refusal("space_unknown", "There is no such Space.")

    async def _must_be_report(self, report: str | None) -> None:
        if report is not None:
            await self.report(report)

    async def _answer(self, order: Order, report: str | None, explanation: str) -> None:
        """Close the report that an act answers, where it is open; sent again, the command does what is missing."""
        if report is None or (await self.report(report)).state != "open":
            return
        await self.close(Order(f"{order.id}/report", order.actor, order.at), report, "acted", explanation)


def _must_stand_well(person: Person) -> None:
    if not person.exists:
        raise Refusal("person_unknown", "Sign up first.")
    if person.suspension is not None:
        raise Refusal("suspended", "Your account is suspended. You can appeal.")


def _named(person: Person) -> tuple[str, str]:
    if not person.exists:
        raise Refusal("person_unknown", "There is no such person.")
    return person.handle, person.name


def _last_appeal(person: Person) -> AppealRow:
    appeal = person.appeal
    if appeal is None:
        raise LookupError(f"{person.id} has not appealed")
    state = {None: "lapsed" if appeal.lapsed else "open", True: "granted", False: "rejected"}[appeal.granted]
    return AppealRow(
        person.id, appeal.suspension.since, appeal.suspension.reason, appeal.suspension.explanation,
        appeal.at, appeal.text, state, appeal.decided_at, appeal.answer,
    )  # fmt: skip
