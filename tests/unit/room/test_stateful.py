"""Whatever is ordered, by whomever, while time passes and people come and go: the rules hold.

Hypothesis drives the Space, as its owner does, and after every step asks what must always be true.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from contracts.named import with_names
from contracts.room import v1
from contracts.room.follow import follow
from libs.eventstore import Fact, Notification, Record
from libs.ids import new_id
from libs.keyring.worded import UnopenedWords
from libs.refusal import Refusal
from services.room.domain.facts import TIMELESS
from services.room.domain.space import Space
from services.room.domain.values import Person, Settings
from services.room.translation import space_json, translate, wire_space
from tests.unit.room.given import LIMITS, NOW, called, plainly

SPACE = new_id()
PEOPLE = [Person(new_id()) for i in range(18)]
HOST = PEOPLE[0]
PINS = [new_id() for _ in range(3)]
SOMEBODY = st.sampled_from(PEOPLE)
MOSTLY_HOSTS = st.one_of(st.none(), st.none(), st.none(), SOMEBODY)
"""None: whoever is the host now, so that most orders are not refused."""
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from(["On bees", "On wasps"]),
        "who_can_join": st.sampled_from(["everyone", "followers", "invited"]),
        "who_can_speak": st.sampled_from(["everyone", "followed", "invited"]),
        "recorded": st.booleans(),
    },
)


class TheStage(RuleBasedStateMachine):
    """One Space, its follower, and who is connected."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.space = Space(SPACE)
        self.history: list[Notification] = []
        self.followed: v1.Space | None = None
        self.connected: set[str] = set()
        self.accepted: dict[str, int] = {}
        self.once_muted: set[str] = set()

    # -- driving -----------------------------------------------------------------------------------------------

    def take(self, facts: Sequence[Fact], actor: str | None) -> None:
        for fact in facts:
            record: Record[Fact] = Record(fact=fact, at=self.now, actor=actor)
            notification = Notification(len(self.history) + 1, SPACE, self.space.version + 1, record)
            before = self.to_come()
            self.space.apply(fact, record)
            assert type(fact) not in TIMELESS or self.to_come() == before
            self.space.version += 1
            self.history.append(notification)
            for event in translate(notification, plainly):
                assert isinstance(event, v1.SpaceEvent)
                if self.followed is None:
                    self.followed = wire_space(self.space, called, UnopenedWords(), all=True)
                self.followed = follow(self.followed, event)

    def to_come(self) -> object:
        """What follows with time, whoever is there."""
        tomorrow = self.now + timedelta(days=1)
        presents: Sequence[Callable[[str], bool] | None] = (None, lambda _: True, lambda _: False)
        return [self.space.pass_time(tomorrow, present, LIMITS) for present in presents], self.space.next_due(LIMITS)

    def order(self, actor: str | None, decide: Callable[[], Sequence[Fact]]) -> None:
        """Give an order; a refused one changes nothing."""
        before = wire_space(self.space, called, UnopenedWords(), all=True) if self.space.version else None
        try:
            self.space.welcome(actor, blocked=False, suspended=False)
            facts = decide()
        except Refusal:
            assert before is None or wire_space(self.space, called, UnopenedWords(), all=True) == before
            return
        self.take(facts, actor)
        self.now += timedelta(milliseconds=10)

    def by(self, actor: Person | None) -> str:
        return (actor or self.space.host).id

    # -- its life ----------------------------------------------------------------------------------------------

    @initialize(kind=st.sampled_from(["space", "space", "conversation"]), later=st.booleans(), ephemeral=st.booleans())
    def create(self, kind: str, later: bool, ephemeral: bool) -> None:
        chosen = Settings(title="x", kind=kind, ephemeral=ephemeral)  # type: ignore[arg-type]
        start = self.now + timedelta(hours=1) if later else None
        self.take(self.space.create(HOST, chosen, scheduled_start=start, now=self.now, limits=LIMITS), HOST.id)
        if later:
            self.order(HOST.id, lambda: self.space.start(HOST.id))

    @rule(actor=MOSTLY_HOSTS, changes=SETTINGS)
    def change_settings(self, actor: Person | None, changes: dict[str, object]) -> None:
        by = self.by(actor)
        self.order(by, lambda: self.space.change_settings(by, LIMITS, **changes))

    @rule(actor=MOSTLY_HOSTS, words=st.lists(st.sampled_from(["Dashwood", "HNSW"])))
    def change_words(self, actor: Person | None, words: list[str]) -> None:
        by = self.by(actor)
        self.order(by, lambda: self.space.change_words(by, tuple(words)))

    @rule(actor=MOSTLY_HOSTS, to=SOMEBODY)
    def hand_over(self, actor: Person | None, to: Person) -> None:
        by = self.by(actor)
        self.order(by, lambda: self.space.hand_over(by, to.id))

    @precondition(lambda self: len(self.history) > 70)
    @rule(actor=MOSTLY_HOSTS, operator=st.booleans())
    def delete(self, actor: Person | None, operator: bool) -> None:
        by = self.by(actor)
        self.order(by, lambda: self.space.delete(by, operator=operator))

    @precondition(lambda self: len(self.history) > 60)
    @rule(actor=MOSTLY_HOSTS)
    def end(self, actor: Person | None) -> None:
        by = self.by(actor)
        self.order(by, lambda: self.space.end(by))

    # -- the stage ---------------------------------------------------------------------------------------------

    @rule(person=SOMEBODY, follows=st.booleans(), followed=st.booleans())
    def ask(self, person: Person, follows: bool, followed: bool) -> None:
        self.order(
            person.id,
            lambda: self.space.request_to_speak(
                person,
                "",
                consent_to_recording=True,
                followed_by_host=followed,
                follows_host=follows,
                limits=LIMITS,
                here=person.id in self.connected,
                now=self.now,
            ),
        )

    @rule(person=SOMEBODY)
    def cancel_request(self, person: Person) -> None:
        self.order(person.id, lambda: self.space.cancel_request(person.id))

    @rule(actor=MOSTLY_HOSTS, yes=st.booleans())
    def answer_the_first(self, actor: Person | None, yes: bool) -> None:
        by, first = self.by(actor), next(iter(self.space.requests), "nobody")
        if yes:
            self.order(by, lambda: self.space.accept_request(by, first, limits=LIMITS))
        else:
            self.order(by, lambda: self.space.decline_request(by, first))

    @rule(actor=MOSTLY_HOSTS, person=SOMEBODY, to=st.sampled_from(["speak", "speak", "join"]))
    def invite(self, actor: Person | None, person: Person, to: str) -> None:
        by = self.by(actor)
        self.order(by, lambda: self.space.invite(by, person, to, now=self.now, limits=LIMITS))  # type: ignore[arg-type]

    @rule(yes=st.booleans())
    def answer_an_invitation(self, yes: bool) -> None:
        who = next(iter(self.space.invitations), HOST.id)
        if yes:
            self.order(
                who,
                lambda: self.space.accept_invitation(who, consent_to_recording=False, now=self.now, limits=LIMITS),
            )
        else:
            self.order(who, lambda: self.space.decline_invitation(who))

    @rule(actor=MOSTLY_HOSTS, person=SOMEBODY, appoint=st.booleans())
    def cohost(self, actor: Person | None, person: Person, appoint: bool) -> None:
        by = self.by(actor)
        decide = self.space.appoint_cohost if appoint else self.space.dismiss_cohost
        self.order(by, lambda: decide(by, person.id, limits=LIMITS))

    @rule(actor=MOSTLY_HOSTS, person=SOMEBODY, what=st.sampled_from(["mute", "lower_hand", "leave_stage"]))
    def about_somebody(self, actor: Person | None, person: Person, what: str) -> None:
        by = self.by(actor)
        self.order(by, lambda: getattr(self.space, what)(by, person.id))
        if what == "mute" and person.id in self.space.stage and self.space.role_of(by) in ("host", "cohost"):
            assert self.space.state != "live" or self.space.stage[person.id].muted

    @rule(person=SOMEBODY, what=st.sampled_from(["unmute", "mute", "leave_stage", "lower_hand"]))
    def about_oneself(self, person: Person, what: str) -> None:
        self.order(person.id, lambda: getattr(self.space, what)(person.id, person.id))

    @rule(person=SOMEBODY)
    def raise_hand(self, person: Person) -> None:
        self.order(person.id, lambda: self.space.raise_hand(person.id))

    @rule(person=SOMEBODY, lang=st.sampled_from(["de", "und", "auto", None]))
    def choose_language(self, person: Person, lang: str | None) -> None:
        self.order(person.id, lambda: self.space.choose_language(person.id, lang))

    @rule(actor=MOSTLY_HOSTS)
    def mute_all(self, actor: Person | None) -> None:
        by = self.by(actor)
        self.order(by, lambda: self.space.mute_all(by))
        if self.space.role_of(by) in ("host", "cohost"):
            assert all(member.muted for person_id, member in self.space.stage.items() if person_id != by)

    @rule(person=SOMEBODY, other=SOMEBODY)
    def unmuting_others_is_refused(self, person: Person, other: Person) -> None:
        before = {person_id: member.muted for person_id, member in self.space.stage.items()}
        if person.id != other.id:
            self.order(other.id, lambda: self.space.unmute(other.id, person.id))
            assert {person_id: member.muted for person_id, member in self.space.stage.items()} == before

    @rule(person=SOMEBODY, pin=st.sampled_from(PINS), on=st.booleans())
    def pin(self, person: Person, pin: str, on: bool) -> None:
        if on:
            self.order(person.id, lambda: self.space.pin(person.id, pin, "https://a.example/", "", limits=LIMITS))
        else:
            self.order(person.id, lambda: self.space.unpin(person.id, pin))

    # -- out ---------------------------------------------------------------------------------------------------

    @rule(actor=MOSTLY_HOSTS, person=SOMEBODY)
    def remove(self, actor: Person | None, person: Person) -> None:
        by = self.by(actor)
        self.order(by, lambda: self.space.remove(by, person.id, ""))
        self.connected -= set(self.space.removed)

    @rule(actor=MOSTLY_HOSTS, person=SOMEBODY)
    def readmit(self, actor: Person | None, person: Person) -> None:
        by = self.by(actor)
        self.order(by, lambda: self.space.readmit(by, person.id))

    @rule(person=SOMEBODY, because=st.sampled_from(["blocked", "suspended"]), lifted=st.booleans())
    def bar(self, person: Person, because: str, lifted: bool) -> None:
        if person.id != self.space.host.id:
            decide = self.space.unbar if lifted else self.space.bar
            self.take(decide(person.id, because), None)  # type: ignore[arg-type]
            self.connected -= set(self.space.removed)

    # -- time --------------------------------------------------------------------------------------------------

    @rule(person=SOMEBODY)
    def comes_or_goes(self, person: Person) -> None:
        if person.id not in self.space.removed:
            self.connected ^= {person.id}

    @rule(seconds=st.sampled_from([0.5, 5, 130, 400]), known=st.booleans())
    def time_passes(self, seconds: float, known: bool) -> None:
        self.now += timedelta(seconds=seconds)
        present = (lambda person_id: person_id in self.connected) if known else None
        self.take(self.space.pass_time(self.now, present, LIMITS), None)
        assert self.space.pass_time(self.now, present, LIMITS) == [], "once is enough"
        due = self.space.next_due(LIMITS)
        assert due is None or due > self.now or not known

    # -- what is always true -----------------------------------------------------------------------------------

    @invariant()
    def the_stage_is_not_too_full(self) -> None:
        roles = [member.role for member in self.space.stage.values()]
        assert len(roles) <= (LIMITS.conversation if self.space.settings.kind == "conversation" else 13)
        assert roles.count("cohost") <= 2
        assert roles.count("speaker") <= 10

    @invariant()
    def there_is_exactly_one_host_while_it_is_live(self) -> None:
        hosts = [person_id for person_id, member in self.space.stage.items() if member.role == "host"]
        assert hosts == ([self.space.host.id] if self.space.state == "live" else [])

    @invariant()
    def nobody_removed_is_anywhere(self) -> None:
        out = set(self.space.removed)
        assert not out & {*self.space.stage, *self.space.requests, *self.space.invitations}

    @invariant()
    def nobody_is_in_two_places(self) -> None:
        assert not set(self.space.stage) & {*self.space.requests, *self.space.invitations}

    @invariant()
    def the_queue_is_in_order(self) -> None:
        asked = [request.requested_at for request in self.space.requests.values()]
        assert asked == sorted(asked)

    @invariant()
    def who_is_over_is_empty(self) -> None:
        if self.space.state not in ("live", "scheduled"):
            assert {*self.space.stage, *self.space.requests, *self.space.invitations} == set()

    @invariant()
    def a_follower_sees_what_the_query_shows(self) -> None:
        if self.space.version:
            assert self.followed is not None
            named = with_names(self.followed, lambda person: called(person.id).ref)
            assert named == wire_space(self.space, called, UnopenedWords(), all=True)

    @invariant()
    def an_answer_is_the_space_as_json(self) -> None:
        if self.space.version:
            for viewer in (None, *PEOPLE[:4]):
                id = None if viewer is None else viewer.id
                told = wire_space(self.space, called, UnopenedWords(), id)
                assert space_json(self.space, called, UnopenedWords(), id) == told.model_dump_json().encode()

    def teardown(self) -> None:
        rebuilt = Space(SPACE)
        for notification in self.history:
            rebuilt.version = notification.version
            rebuilt.apply(notification.fact, notification.record)
        if self.space.version:
            assert wire_space(rebuilt, called, UnopenedWords(), all=True) == wire_space(
                self.space, called, UnopenedWords(), all=True
            )
            assert rebuilt.next_due(LIMITS) == self.space.next_due(LIMITS)


TestTheStage = TheStage.TestCase
TestTheStage.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
