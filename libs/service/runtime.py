"""How the interpreter is told to behave in a process that answers at any moment and lives for months."""

from __future__ import annotations

import gc
import sys
from typing import Final

_YOUNG: Final = (10_000, 20, 50)
_SWITCH_SECONDS: Final = 0.0005


def settle() -> None:
    """Called once, when everything a process needs is loaded and composed.

    What is there stays, and is looked through no more: a collection of all of it stops every thread for 50 to 100 ms.
    And a thread that comes back from the disk or the network gets the interpreter after half a millisecond, not after
    five, while the loop is busy.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_YOUNG)
    sys.setswitchinterval(_SWITCH_SECONDS)
