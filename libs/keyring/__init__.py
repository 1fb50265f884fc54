"""Keys of whatever can be erased, and what is sealed under them.

A service uses `libs.keyring.client.open_keyring`, `Lock` and `Words`; the owner of all keys `libs.keyring.keys`.
"""

from libs.keyring.errors import CannotOpen, Destroyed, Expired, KeyringError, Tampered
from libs.keyring.holders import Holders
from libs.keyring.lock import Lock
from libs.keyring.names import lock_name, subjects_of
from libs.keyring.objects import HEADER, ObjectReader, ObjectWriter, ends_of, open_object, plain_length, seal_object
from libs.keyring.rows import Entry, ErasureTarget, StoreError
from libs.keyring.sealing import Sealed, Words
from libs.keyring.tree import Tree
from libs.keyring.unit import UnitKey

__all__ = [
    "HEADER",
    "CannotOpen",
    "Destroyed",
    "Entry",
    "ErasureTarget",
    "Expired",
    "Holders",
    "KeyringError",
    "Lock",
    "ObjectReader",
    "ObjectWriter",
    "Sealed",
    "StoreError",
    "Tampered",
    "Tree",
    "UnitKey",
    "Words",
    "ends_of",
    "lock_name",
    "open_object",
    "plain_length",
    "seal_object",
    "subjects_of",
]
