"""A podcast feed as XML: RSS 2.0 with the namespaces of Podcasting 2.0 (podcastindex.org/namespace/1.0) and Apple."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Final, Literal
from urllib.parse import urlsplit

from lxml import etree

MEDIA_TYPE: Final = "application/rss+xml"
PODCAST: Final = "https://podcastindex.org/namespace/1.0"
ITUNES: Final = "http://www.itunes.com/dtds/podcast-1.0.dtd"
ATOM: Final = "http://www.w3.org/2005/Atom"
_FEEDS: Final = uuid.UUID("ead4c236-bf58-58c6-a2c6-a6b28d128cb6")
"""The namespace of feeds' GUIDs, as `podcast:guid` defines it."""
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no way to write (section 2.2)."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """Somebody who is heard."""

    name: str
    role: Literal["host", "guest"]
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A file of sound."""

    url: str
    media_type: str
    bytes: int
    sha384: str | None = None
    """In base64."""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A document about an episode."""

    url: str
    media_type: str
    captions: bool = False
    """Whether its text can be shown along with the sound."""


@dataclass(frozen=True, slots=True)
class Episode:
    """A Space: to come, live, just over, or with its replay."""

    guid: str
    """The same from before its start to the end of its replay."""
    title: str
    page: str
    """Address of the Space's page."""
    status: Literal["pending", "live", "ended", "replay"]
    starts_at: datetime
    ends_at: datetime | None
    sound: File
    """The replay, or what is played live."""
    alternates: Sequence[File] = ()
    seconds: float = 0
    speakers: Sequence[Speaker] = ()
    transcripts: Sequence[Link] = ()
    chapters: Link | None = None
    lang: str = "en"


@dataclass(frozen=True, slots=True)
class Channel:
    """All recorded Spaces of a host."""

    title: str
    page: str
    """Address of the page on which one finds the host."""
    url: str
    """The feed's own address."""
    author: str
    description: str
    picture: str | None
    lang: str
    episodes: Sequence[Episode] = field(default=())


def written(channel: Channel) -> bytes:
    """The feed, UTF-8. The same for the same channel."""
    root = etree.Element("rss", {"version": "2.0"}, nsmap={"podcast": PODCAST, "itunes": ITUNES, "atom": ATOM})
    top = etree.SubElement(root, "channel")
    _add(top, "title", channel.title)
    _add(top, "link", channel.page)
    _add(top, _atom("link"), None, href=channel.url, rel="self", type=MEDIA_TYPE)
    _add(top, "description", channel.description)
    _add(top, "language", channel.lang)
    _add(top, "generator", "Rostrum")
    _add(top, _itunes("author"), channel.author)
    _add(top, _itunes("explicit"), "false")
    if channel.picture:
        _add(top, _itunes("image"), None, href=channel.picture)
        image = etree.SubElement(top, "image")
        for name, text in (("url", channel.picture), ("title", channel.title), ("link", channel.page)):
            _add(image, name, text)
    _add(top, _podcast("guid"), feed_guid(channel.url))
    _add(top, _podcast("medium"), "podcast")
    for episode in channel.episodes:
        if episode.status != "replay":
            _live(top, episode)
    for episode in channel.episodes:
        if episode.status == "replay":
            _item(etree.SubElement(top, "item"), episode)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def feed_guid(url: str) -> str:
    """The GUID of a feed: a UUIDv5 of its address without scheme and slashes at the end."""
    parts = urlsplit(url)
    return str(uuid.uuid5(_FEEDS, f"{parts.netloc}{parts.path}".rstrip("/")))


def _live(top: etree._Element, episode: Episode) -> None:
    item = etree.SubElement(top, _podcast("liveItem"))
    item.set("status", episode.status)
    item.set("start", _moment(episode.starts_at))
    if episode.ends_at is not None:
        item.set("end", _moment(episode.ends_at))
    _item(item, episode)
    _add(item, _podcast("contentLink"), episode.title, href=episode.page)


def _item(item: etree._Element, episode: Episode) -> None:
    _add(item, "title", episode.title)
    _add(item, "link", episode.page)
    _add(item, "guid", episode.guid, isPermaLink="false")
    _add(item, "pubDate", format_datetime(episode.starts_at))
    _add(item, "description", f"With {', '.join(one.name for one in episode.speakers)}" if episode.speakers else "")
    sound = episode.sound
    _add(item, "enclosure", None, url=sound.url, length=str(sound.bytes), type=sound.media_type)
    if episode.seconds:
        _add(item, _itunes("duration"), str(round(episode.seconds)))
    _add(item, _itunes("explicit"), "false")
    for link in episode.transcripts:
        rel = {"rel": "captions"} if link.captions else {}
        _add(item, _podcast("transcript"), None, url=link.url, type=link.media_type, language=episode.lang, **rel)
    if episode.chapters:
        _add(item, _podcast("chapters"), None, url=episode.chapters.url, type=episode.chapters.media_type)
    for speaker in episode.speakers:
        picture = {"img": speaker.picture} if speaker.picture else {}
        _add(item, _podcast("person"), speaker.name, role=speaker.role, **picture)
    for file in episode.alternates:
        _alternate(item, file)


def _alternate(item: etree._Element, file: File) -> None:
    made = _add(item, _podcast("alternateEnclosure"), None, type=file.media_type, length=str(file.bytes))
    if file.title:
        made.set("title", file.title)
    _add(made, _podcast("source"), None, uri=file.url)
    if file.sha384:
        _add(made, _podcast("integrity"), None, type="sri", value=f"sha384-{file.sha384}")


def _add(parent: etree._Element, name: str, text: str | None, **attributes: str) -> etree._Element:
    made = etree.SubElement(parent, name)
    for attribute, value in attributes.items():
        made.set(attribute, _NOT_XML.sub("", value))
    if text is not None:
        made.text = _NOT_XML.sub("", text)
    return made


def _podcast(name: str) -> str:
    return f"{{{PODCAST}}}{name}"


def _itunes(name: str) -> str:
    return f"{{{ITUNES}}}{name}"


def _atom(name: str) -> str:
    return f"{{{ATOM}}}{name}"


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
