"""What can go wrong with keys and with what they seal.

KeyringError
├── Destroyed     the key is gone for ever, and with it what was sealed
├── Tampered      not what was sealed under this key and name: changed, cut, or moved from elsewhere
├── Expired       the lock was taken from this process; ask for it again
└── CannotOpen    the keys, the ledger or the master key do not belong together; for the operator
"""

from __future__ import annotations


class KeyringError(Exception):
    """Base of the errors of this package."""


class Destroyed(KeyringError):
    """The key was destroyed; what it sealed can never be read again."""


class Tampered(KeyringError):
    """What is to be opened was not sealed under this key and name, or was changed since."""


class Expired(KeyringError):
    """The lock may no longer be used by this process: its time is over, or something under it was destroyed."""


class CannotOpen(KeyringError):
    """Keys, ledger and master key cannot be used as they are; the text says what the operator does about it."""
