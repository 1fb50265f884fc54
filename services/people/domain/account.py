"""Whether a person's account may be used: suspended and heard on appeal, tokens taken back, erased."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.eventstore import Aggregate, Fact, Meta, stored
from libs.keyring import Words
from libs.refusal import Refusal
from services.people.domain.erasure import Erasure, HandleFreed, PersonErased


@stored("people.suspended")
class Suspended(Fact):
    """The person is refused everywhere."""

    reason: str
    explanation: Words = ""
    report: str | None = None
    until: datetime | None = None
    """When it ends by itself."""


@stored("people.reinstated")
class Reinstated(Fact):
    """The suspension is over."""

    explanation: Words = ""
    lapsed: bool = False
    """It ended by itself."""


@stored("people.tokens_revoked")
class TokensRevoked(Fact):
    """The person took back one of their tokens, or all until then."""

    token: str | None = None
    expires: datetime | None = None
    """When that one ends by itself; None in facts of earlier versions."""


@stored("people.appealed")
class Appealed(Fact):
    """The person, suspended, asks to be heard."""

    text: Words


@stored("people.appeal_decided")
class AppealDecided(Fact):
    """Operators have heard them."""

    granted: bool
    answer: Words = ""


@dataclass(slots=True)
class Suspension:
    """Why and since when somebody is refused everywhere."""

    since: datetime
    reason: str
    explanation: Words
    until: datetime | None


@dataclass(slots=True)
class Appeal:
    """What somebody has to say about a suspension of theirs."""

    suspension: Suspension
    at: datetime
    text: Words
    granted: bool | None = None
    """None while nobody has decided."""
    lapsed: bool = False
    """The suspension ended before anybody did."""
    decided_at: datetime | None = None
    answer: Words = ""


class Account(Aggregate):
    """Whether a person exists, is suspended, has appealed. Methods named as orders decide and return facts."""

    suspension: Suspension | None = None
    appeal: Appeal | None = None
    """The last one."""
    appealed: bool = False
    """Whether the last appeal is against the present suspension. A snapshot does not keep that both are one object."""
    standing_since: datetime | None = None
    """When they signed up, were suspended, reinstated, became protected or ceased to be last."""
    erasure: Erasure | None = None

    @property
    def exists(self) -> bool:
        return self.version > 0 and self.erasure is None

    # -- deciding ----------------------------------------------------------------------------------------------

    def suspend(
        self, reason: str, explanation: Words, report: str | None, *, until: datetime | None, now: datetime
    ) -> list[Fact]:
        """Refuse them everywhere, for ever or `until`; nothing happens where they are suspended so already."""
        self._must_be_known()
        if until is not None and until <= now:
            raise Refusal("invalid", "A suspension ends in the future.", field="until")
        if self.suspension is not None and self.suspension.until == until:
            return []
        return [Suspended(reason=reason, explanation=explanation, report=report, until=until)]

    def revoke_tokens(self, token: str | None, expires: datetime | None) -> list[Fact]:
        """Take back one of their tokens, which ends by itself at `expires`, or all there are; the suspended may too."""
        self._must_exist()
        return [TokensRevoked(token=token, expires=expires)]

    def lapse(self, now: datetime) -> list[Fact]:
        """End a suspension whose time is over. An open appeal is decided by nobody then."""
        if self.suspension is None or self.suspension.until is None or self.suspension.until > now:
            return []
        return [Reinstated(lapsed=True)]

    def reinstate(self, explanation: Words) -> list[Fact]:
        """End their suspension; nothing happens where there is none. An open appeal is granted by it."""
        self._must_be_known()
        if self.suspension is None:
            return []
        granted = [AppealDecided(granted=True, answer=explanation)] if self._appeal_is_open else []
        return [*granted, Reinstated(explanation=explanation)]

    def lodge_appeal(self, text: Words) -> list[Fact]:
        """Ask to be heard, once for each suspension."""
        self._must_exist()
        if self.suspension is None:
            raise Refusal("wrong_state", "You are not suspended: there is nothing to appeal against.")
        if self.appealed:
            raise Refusal("wrong_state", "You have appealed against this suspension already.")
        return [Appealed(text=text)]

    def decide_appeal(self, granted: bool, answer: Words) -> list[Fact]:
        """Answer an open appeal; granting it ends the suspension."""
        self._must_be_known()
        if not self._appeal_is_open:
            raise Refusal("wrong_state", "There is no open appeal of this person.")
        if granted:
            return self.reinstate(answer)
        return [AppealDecided(granted=False, answer=answer)]

    @property
    def _appeal_is_open(self) -> bool:
        return self.appeal is not None and self.appeal.granted is None and not self.appeal.lapsed

    def erase(self, *, now: datetime, keep_handle: timedelta) -> list[Fact]:
        """Erase them for ever; again changes nothing."""
        if self.erasure is not None:
            return []
        self._must_be_known()
        return [PersonErased(handle_kept_until=now + keep_handle if keep_handle else None)]

    def free_handle(self, now: datetime) -> list[Fact]:
        """Let others have the handle that an erased person had, once its time is over."""
        return [] if self.erasure is None else self.erasure.free_handle(now)

    # -- conditions --------------------------------------------------------------------------------------------

    def must_stand_well(self) -> None:
        """Refuses: person_unknown, suspended."""
        self._must_exist()
        self._must_not_be_suspended()

    def _must_exist(self) -> None:
        if not self.exists:
            raise Refusal("person_unknown", "Sign up first.")

    def _must_not_be_suspended(self) -> None:
        if self.suspension is not None:
            raise Refusal("suspended", "Your account is suspended. You can appeal.")

    def _must_be_known(self) -> None:
        if not self.exists:
            raise Refusal("person_unknown", "There is no such person.")

    # -- evolving ----------------------------------------------------------------------------------------------

    def apply(self, fact: Fact, meta: Meta) -> None:
        """Take in what happened to the account."""
        match fact:
            case Suspended(reason=reason, explanation=explanation, until=until):
                if self.suspension is None:
                    self.suspension = Suspension(meta.at, reason, explanation, until)
                else:
                    # The same one, of which an appeal may speak, with another end.
                    self.suspension.reason, self.suspension.explanation = reason, explanation
                    self.suspension.since, self.suspension.until = meta.at, until
                    if self.appeal is not None and self.appealed:
                        self.appeal.suspension = self.suspension
                self.standing_since = meta.at
            case Reinstated(lapsed=lapsed):
                if self.appeal is not None and self._appeal_is_open:
                    self.appeal.lapsed = lapsed
                self.suspension, self.appealed = None, False
                self.standing_since = meta.at
            case Appealed(text=text) if self.suspension is not None:
                self.appeal, self.appealed = Appeal(self.suspension, meta.at, text), True
            case AppealDecided(granted=granted, answer=answer) if self.appeal is not None:
                self.appeal.granted, self.appeal.decided_at, self.appeal.answer = granted, meta.at, answer
            case PersonErased(handle_kept_until=until):
                self.erasure = Erasure(meta.at, until)
                self.suspension, self.appeal, self.appealed = None, None, False
            case HandleFreed() if self.erasure is not None:
                self.erasure.handle_kept_until = None
            case _:
                pass
