"""Read models in SQLite files: tables that are filled from facts, and know how far.

`ReadModel` reads contract events from the stream, `StoreModel` the service's own facts from its event store. What a
fact changes and the place it came from are committed together, so each is applied once. A file can be thrown away at
any time; it is, by itself, when its source was rebuilt or its schema is another one. One that is damaged is set aside.
"""

from libs.readmodel.file import is_damage
from libs.readmodel.store import StoreModel
from libs.readmodel.stream import ReadModel

__all__ = ["ReadModel", "StoreModel", "is_damage"]
