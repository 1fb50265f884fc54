"""Conditional requests for files: whether one is to be answered, and whether its range holds (RFC 9110, section 13)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal

from fastapi import Request
from fastapi.responses import Response
from starlette.datastructures import Headers

from libs.refusal import Refusal
from services.gateway.http.entity_tags import tags_in

_FORMS: Final = (
    (re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", re.ASCII), "%a, %d %b %Y %H:%M:%S GMT"),
    (re.compile(r"[A-Z][a-z]{5,8}, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT", re.ASCII), "%A, %d-%b-%y %H:%M:%S GMT"),
    (re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}", re.ASCII), "%a %b %d %H:%M:%S %Y"),
)
"""The three forms of an HTTP date (RFC 9110, section 5.6.7)."""


def unmet(headers: Headers, etag: str, changed_at: datetime | None = None) -> Literal[304, 412] | None:
    """What a GET or HEAD of a file is answered with because its conditions do not hold; None where they do.

    `etag` is the file's strong entity tag, with its quotes. In the order of section 13.2.2; tags count more than times,
    which do not count where it is unknown when the file changed.
    """
    changed_at = None if changed_at is None else changed_at.replace(microsecond=0)
    if wanted := headers.getlist("if-match"):
        if not _among(wanted, etag, weak=False):
            return 412
    elif changed_at and (unmodified_since := _date(headers, "if-unmodified-since")) and changed_at > unmodified_since:
        return 412
    if known := headers.getlist("if-none-match"):
        if _among(known, etag, weak=True):
            return 304
    elif changed_at and (modified_since := _date(headers, "if-modified-since")) and changed_at <= modified_since:
        return 304
    return None


def range_holds(headers: Headers, etag: str, changed_at: datetime) -> bool:
    """Whether a Range is of the file as it is now, as far as If-Range says (section 13.1.5)."""
    if "if-range" not in headers:
        return True
    if tags_in([headers["if-range"]]):
        return headers["if-range"].strip() == etag
    # A time is proof only where the file cannot have changed again within that second (section 8.8.2.2).
    settled = datetime.now(UTC) - changed_at >= timedelta(seconds=1)
    return settled and _date(headers, "if-range") == changed_at.replace(microsecond=0)


def kept(headers: Mapping[str, str]) -> dict[str, str]:
    """Those headers of a file that a 304 has too (section 15.4.5)."""
    names = {"cache-control", "content-location", "date", "etag", "expires", "vary", "last-modified"}
    return {name: value for name, value in headers.items() if name.lower() in names}


def _among(lines: Sequence[str], etag: str, *, weak: bool) -> bool:
    """Whether a list of tags, or `*`, has this one; only `weak` comparison takes weak ones (section 8.8.3.2)."""
    if ",".join(lines).strip() == "*":
        return True
    return any(tag.text == etag.strip('"') and (weak or not tag.weak) for tag in tags_in(lines))


def _date(headers: Headers, name: str) -> datetime | None:
    """The date in a header; None where there is none, or no valid one, or several: such a header is ignored."""
    lines = headers.getlist(name)
    if len(lines) != 1:
        return None
    for pattern, form in _FORMS:
        if pattern.fullmatch(lines[0].strip()):
            try:
                return datetime.strptime(lines[0].strip(), form).replace(tzinfo=UTC)
            except ValueError:
                return None
    return None


def tagged(
    request: Request, body: bytes, content_type: str, changed: str, headers: Mapping[str, str] = MappingProxyType({})
) -> Response:
    """A body with a strong `ETag` of its own, or 304 for whoever has it. `changed` says that it is another one than
    `If-Match` asks for. Refuses: precondition_failed."""
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    sent = {"ETag": etag, "Cache-Control": "private, no-cache", **headers}
    match unmet(request.headers, etag):
        case 304:
            return Response(status_code=304, headers=sent)
        case 412:
            raise Refusal("precondition_failed", changed)
    return Response(body, headers=sent | {"Content-Type": content_type})
