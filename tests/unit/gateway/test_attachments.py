"""Names of files that are downloaded can be read, by browsers of all kinds and on every system."""

from __future__ import annotations

from email.message import Message
from urllib.parse import unquote

import pytest

from services.gateway.http.attachments import attachment, file_name


def read(header: str) -> tuple[str, str | None]:
    """The name that an old client takes, and the one that a reader of RFC 6266 does where it is another."""
    plain, _, full = header.partition("; filename*=UTF-8''")
    message = Message()
    message["Content-Disposition"] = plain
    return message.get_filename() or "", unquote(full) or None


@pytest.mark.parametrize(
    ("words", "name", "plain"),
    [
        ("On rivers 2026-11-20", "On rivers 2026-11-20.m4a", "On rivers 2026-11-20.m4a"),
        ("Über Flüsse", "Über Flüsse.m4a", "Uber Flusse.m4a"),
        ("川について", "川について.m4a", "replay.m4a"),
        ('../etc/passwd"; x="y\r\nSet-Cookie: a', "etc passwd x= y Set-Cookie a.m4a", None),
        ("a\u202egnp", "agnp.m4a", "agnp.m4a"),
        ("...", "replay.m4a", "replay.m4a"),
        ("x" * 500, f"{'x' * 100}.m4a", None),
    ],
)
def test_a_name_is_shown_in_full_and_breaks_nothing(words: str, name: str, plain: str | None) -> None:
    assert file_name(words, "m4a") == name
    header = attachment(file_name(words, "m4a"))
    assert header.startswith("attachment; ")
    assert header.isascii()
    assert header.isprintable()
    old, full = read(header)
    assert old == (plain or file_name(words, "m4a"))
    assert full in (None, file_name(words, "m4a"))
