"""What X API v2 answers with. A field that is None is left out."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class XSpace(BaseModel):
    """A Space; only `id` and `state` unless `space.fields` asks for more."""

    id: str
    state: Literal["live", "scheduled", "ended", "canceled"]
    created_at: str | None = None
    creator_id: str | None = None
    ended_at: str | None = None
    host_ids: list[str] | None = None
    invited_user_ids: list[str] | None = None
    is_ticketed: bool | None = None
    lang: str | None = None
    participant_count: int | None = None
    scheduled_start: str | None = None
    speaker_ids: list[str] | None = None
    started_at: str | None = None
    subscriber_count: int | None = None
    title: str | None = None
    topic_ids: list[str] | None = None
    updated_at: str | None = None


class XUser(BaseModel):
    """A person."""

    id: str
    name: str
    username: str
    profile_image_url: str | None = None


class XTopic(BaseModel):
    """A topic."""

    id: str
    name: str


class XTweet(BaseModel):
    """A pinned link, as a post."""

    id: str
    text: str
    edit_history_tweet_ids: list[str]
    author_id: str | None = None
    created_at: str | None = None


class XIncludes(BaseModel):
    """What the expansions asked for."""

    users: list[XUser] | None = None
    topics: list[XTopic] | None = None


class XError(BaseModel):
    """Something asked for that is not there."""

    title: str
    type: str
    detail: str
    resource_type: str
    resource_id: str
    parameter: str
    value: str


class XMeta(BaseModel):
    """How many there are."""

    result_count: int


class XAnswer(BaseModel):
    """What every answer may have."""

    includes: XIncludes | None = None
    errors: list[XError] | None = None
    meta: XMeta | None = None


class XOne(XAnswer):
    """One Space, or the error in its place."""

    data: XSpace | None = None


class XMany(XAnswer):
    """Several Spaces."""

    data: list[XSpace] | None = None


class XUsers(XAnswer):
    """People."""

    data: list[XUser] | None = None


class XTweets(XAnswer):
    """Posts."""

    data: list[XTweet] | None = None
