"""How a service carries commands out: a table of rows, and one executor behind all of them.

A row names the command, the aggregate it is about, and what that aggregate decides. `libs/README.md` shows one.
"""

from libs.commands.executor import Executor
from libs.commands.rows import Rows, anybody, nothing, of_kind

__all__ = ["Executor", "Rows", "anybody", "nothing", "of_kind"]
