"""Errors of identity; the tree is drawn in the package's docstring."""

from __future__ import annotations


class IdentityError(Exception):
    """Root of the errors of this package."""


class TokenRefused(IdentityError):
    """The token proves nothing. `expired` tells one that was good once."""

    def __init__(self, detail: str, *, expired: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.expired = expired


class AddressRefused(IdentityError):
    """Development identity lets anybody sign up, so it is refused an address that others can reach."""
