"""One message to one browser: made, encrypted, signed and sent."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from contracts.room import v1 as room
from libs.bus import Bus, Unavailable
from libs.refusal import Refusal
from libs.tables import TablesAway
from services.notifications.adapters import web_push
from services.notifications.adapters.posting import Posted, Posters
from services.notifications.adapters.pushes import Push
from services.notifications.app.browsers import Browsers
from services.notifications.app.telling import Told
from services.notifications.domain import news as domain
from services.notifications.domain.news import About

_log = logging.getLogger(__name__)
_GONE: Final = (404, 410)
_AGAIN: Final = (408, 425, 429)
"""Besides 500 and above: the statuses after which a message may be taken later."""


class Messages:
    """Makes and sends messages. Who may be told of a Space is room's to decide, when a message is sent."""

    def __init__(
        self, bus: Bus, browsers: Browsers, posters: Posters, contact: str, *, now: Callable[[], datetime]
    ) -> None:
        """`contact` is an address of mail (`mailto:`) or of the web, for those who run a push service (RFC 8292)."""
        self._bus = bus
        self._browsers = browsers
        self._posters = posters
        self._contact = contact
        self._now = now

    async def send(self, push: Push) -> Told:
        """Tell a browser what is due, if that is still worth it."""
        left = domain.expires(push.at) - self._now().timestamp()
        if left <= 0:
            return Told("stale")
        try:
            return await self._send(push, int(left))
        except (Unavailable, TablesAway) as error:
            return _later(error)
        except Refusal as no:
            return _later(no) if no.retry else Told("left_out")
        except Exception:  # noqa: BLE001  (a bug of ours about this message alone: it is logged, and the others go on)
            _log.exception("a message to a browser cannot be made")
            return Told("refused")

    async def _send(self, push: Push, left: int) -> Told:
        reminder = not push.host
        mine = await self._browsers.of(push.person)
        found = next((one for one in mine if one.id == push.subscription), None)
        if found is None or not (found.reminders if reminder else found.live):
            return Told("left_out")
        query = room.SpaceQuery(space_id=push.space, actor=push.person)
        space = (await self._bus.ask(query)).result
        if not domain.is_timely(push.about, space.state) or push.host not in ("", space.host.id):
            return Told("left_out")
        if space.settings.title == room.TITLE_UNAVAILABLE:
            return Told("later")
        browser = await self._browsers.keys_of(push.person, found)
        if browser is None:
            return Told("erased")
        public, private = await self._browsers.key()
        live = space.state is room.State.LIVE
        text = domain.text(push.about, title=space.settings.title, host=space.host.name, live=live, reminder=reminder)
        headers = {
            "authorization": web_push.authorization(browser.address, public, private, self._contact),
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "ttl": str(left),
            "topic": topic_of(push),
            "urgency": "high" if reminder else "normal",
        }
        message = {
            "id": id_of(push), "tag": _tag(push), "title": text.title, "body": text.body,
            "path": f"/spaces/{push.space}",
        }  # fmt: skip
        body = web_push.encrypted(browser, json.dumps(message, ensure_ascii=False).encode())
        return _told(await self._posters.of(push.service).post(browser.address, headers, body))


def id_of(push: Push) -> str:
    """The id of a message: the same however often it is sent."""
    return _digest(*push.key)


def topic_of(push: Push) -> str:
    """The topic (RFC 8030, section 5.4): of messages that wait at the push service, a newer one takes the place of an
    older one. It is another one for each browser, so that a push service cannot tell who is told of the same."""
    return _digest(push.subscription, _tag(push))


def _tag(push: Push) -> str:
    """What a browser shows one notice of. That a Space is due and that it has begun is one."""
    return f"{push.space}-soon" if push.about is About.SOON else push.space


def _digest(*parts: str) -> str:
    """32 letters of the URL and file-name safe alphabet of Base64, as a topic has them."""
    return base64.urlsafe_b64encode(hashlib.sha256("\0".join(parts).encode()).digest())[:32].decode()


def _told(posted: Posted) -> Told:
    status = posted.status
    if not posted.error:
        return Told("sent")
    if status in _GONE:
        return Told("gone")
    if status is None or status in _AGAIN or status >= 500:
        return Told("failed", posted.retry_after)
    _log.warning("a push service refuses a message", extra={"status": status, "why": posted.error})
    return Told("refused")


def _later(error: Exception) -> Told:
    _log.info("a browser is told later", extra={"why": str(error)})
    return Told("later")
