"""Which fields and expansions a request asks for, and a Space told accordingly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, Literal

from fastapi import Request

from contracts.discovery.v1 import SpaceDetails
from contracts.envelope import PersonRef
from contracts.room.v1 import State
from contracts.times import in_utc
from libs.ids import is_id, to_number
from services.gateway.http.x_spaces.errors import Invalid
from services.gateway.http.x_spaces.models import XIncludes, XSpace, XTopic, XUser

MOST: Final = 100
"""Ids in one request, and results in one answer."""
_STATES: Final[Mapping[State, Literal["live", "scheduled", "ended", "canceled"]]] = {
    State.LIVE: "live",
    State.SCHEDULED: "scheduled",
    State.ENDED: "ended",
    State.TIMED_OUT: "ended",
    State.CANCELED: "canceled",
}
_SPACE_FIELDS: Final = tuple(sorted(XSpace.model_fields))
_EXPANSIONS: Final = ("creator_id", "host_ids", "invited_user_ids", "speaker_ids", "topic_ids")
_USER_FIELDS: Final = (
    "affiliation", "confirmed_email", "connection_status", "created_at", "description", "entities", "id",
    "is_identity_verified", "location", "most_recent_tweet_id", "name", "parody", "pinned_tweet_id",
    "profile_banner_url", "profile_image_url", "protected", "public_metrics", "receives_your_dm", "subscription",
    "subscription_type", "url", "username", "verified", "verified_followers_count", "verified_type", "withheld",
)  # fmt: skip
_TOPIC_FIELDS: Final = ("description", "id", "name")
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "space.fields": _SPACE_FIELDS,
    "expansions": _EXPANSIONS,
    "user.fields": _USER_FIELDS,
    "topic.fields": _TOPIC_FIELDS,
    "state": ("live", "scheduled", "all"),
}
OF_SPACES: Final = ("space.fields", "expansions", "user.fields", "topic.fields")
OF_POSTS: Final = (
    "expansions", "tweet.fields", "user.fields", "media.fields", "place.fields", "poll.fields", "max_results",
    "pagination_token",
)  # fmt: skip


def only(request: Request, *known: str) -> None:
    """No parameter but these, and each once."""
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if name not in known:
            raise Invalid(
                name[:100],
                [request.query_params[name][:200]],
                f"The query parameter [{name[:100]}] is not one of [{','.join(known)}]",
            )
        if names.count(name) > 1:
            raise Invalid(name, [], f"The query parameter [{name}] was given more than once")


def chosen(request: Request, name: str) -> frozenset[str]:
    """The values of a parameter that is a list of known words."""
    if name not in request.query_params:
        return frozenset()
    values = request.query_params[name].split(",")
    wrong = [value[:100] for value in values if value not in _CHOICES[name]]
    if wrong:
        allowed = ",".join(_CHOICES[name])
        raise Invalid(name, wrong[:20], f"The `{name}` query parameter value [{wrong[0]}] is not one of [{allowed}]")
    return frozenset(values)


def one_of(request: Request, name: str) -> str | None:
    """The value of a parameter that is one known word; None where it is left out."""
    words = chosen(request, name)
    if len(words) > 1:
        value = request.query_params[name][:100]
        allowed = ",".join(_CHOICES[name])
        raise Invalid(name, [value], f"The `{name}` query parameter value [{value}] is not one of [{allowed}]")
    return next(iter(words), None)


def ids_of(name: str, text: str, *, numbers: bool = False) -> list[str]:
    """1 to 100 different ids; in the order given."""
    values = list(dict.fromkeys(text.split(",")))
    if len(values) > MOST:
        raise Invalid(name, [], f"size must be between 1 and {MOST}: `{name}` has {len(values)} values")
    for value in values:
        good = value.isascii() and ((value.isdigit() and len(value) <= 19) or is_id(value))
        if not (good if numbers else value.isascii() and value.isalnum() and len(value) <= 26):
            pattern = "^[0-9]{1,19}$" if numbers else "^[a-zA-Z0-9]{1,26}$"
            short = value[:100]
            raise Invalid(name, [short], f"The `{name}` query parameter value [{short}] does not match {pattern}")
    return values


class Fields:
    """Which fields and expansions a request asks for."""

    def __init__(self, request: Request) -> None:
        self.expansions = chosen(request, "expansions")
        # What is expanded is also there as an id.
        self.names = chosen(request, "space.fields") | self.expansions | {"id", "state"}
        self._users = Users(request)
        chosen(request, "topic.fields")

    def space(self, found: SpaceDetails) -> XSpace:
        """The fields asked for; one that has no value is left out."""
        whole = _whole(found)
        return whole.model_copy(update={name: None for name in _SPACE_FIELDS if name not in self.names})

    def includes(self, found: Iterable[SpaceDetails]) -> XIncludes | None:
        """Everybody and every topic that the expansions lead to, once."""
        users: dict[str, XUser] = {}
        topics: dict[str, XTopic] = {}
        for one in found:
            for person in self._people(one):
                users[person.id] = self._users.user(person)
            if "topic_ids" in self.expansions:
                topics |= {topic: XTopic(id=topic, name=topic.replace("-", " ").title()) for topic in one.topics}
        if not users and not topics:
            return None
        return XIncludes(users=list(users.values()) or None, topics=list(topics.values()) or None)

    def _people(self, space: SpaceDetails) -> Iterable[PersonRef]:
        if "creator_id" in self.expansions:
            yield space.creator
        if "host_ids" in self.expansions:
            yield from space.hosts
        if "invited_user_ids" in self.expansions:
            yield from space.invited
        if "speaker_ids" in self.expansions:
            yield from space.spoke


def _whole(found: SpaceDetails) -> XSpace:
    return XSpace(
        id=found.id,
        state=_STATES.get(found.state, "ended"),
        created_at=written(found.created_at),
        creator_id=number(found.creator.id),
        ended_at=written(found.ended_at),
        host_ids=[number(person.id) for person in found.hosts],
        invited_user_ids=[number(person.id) for person in found.invited] or None,
        is_ticketed=False,
        lang=found.lang,
        participant_count=found.participants,
        scheduled_start=written(found.scheduled_start),
        speaker_ids=[number(person.id) for person in found.spoke] or None,
        started_at=written(found.started_at),
        subscriber_count=found.subscribers,
        title=found.title,
        topic_ids=list(found.topics) or None,
        updated_at=written(found.updated_at),
    )


class Users:
    """The fields of people that a request asks for."""

    def __init__(self, request: Request) -> None:
        self._fields = chosen(request, "user.fields")
        self._request = request

    def user(self, person: PersonRef) -> XUser:
        """A person, with the address of their picture where that is asked for."""
        address = None
        if person.picture is not None and "profile_image_url" in self._fields:
            public: str | None = self._request.app.state.public_url
            address = f"{str(self._request.base_url).rstrip('/') if public is None else public}{person.picture}"
        return XUser(id=number(person.id), name=person.name, username=person.handle, profile_image_url=address)


def number(id: str) -> str:
    return str(to_number(id))


def written(at: datetime | None) -> str | None:
    """As X API v2 writes it: UTC to the millisecond."""
    return None if at is None else in_utc(at).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
