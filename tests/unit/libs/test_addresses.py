"""What kind of address something has."""

from __future__ import annotations

import pytest

from libs.addresses import host_in


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("127.0.0.1:8080", "127.0.0.1"),
        ("[::1]:8080", "::1"),
        ("Localhost", "localhost"),
        ("", ""),
        ("[", ""),
        ("[::1", ""),
        ("[x]", ""),
        ("a]b", ""),
    ],
)
def test_the_host_is_read_from_what_anybody_may_write_into_a_host_header(authority: str, host: str) -> None:
    assert host_in(authority) == host
