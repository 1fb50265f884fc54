"""One machine's Rostrum: NATS and the services as child processes, started in order, kept alive, drained.

    async with System(Path("var"), gateway_port=0) as system:
        print(system.url)
        system.kill("room")          # as a fault would
        await system.ready("room")   # the restarted one

Errors:

    LauncherError
    +-- AlreadyRunning   another launcher holds this folder
    +-- PortTaken        somebody else listens where the gateway should
    +-- StartFailed      a process could not start; says which, and its last words
    +-- GaveUp           a process kept dying
    +-- DataGone         the folder, or a store in it, was removed while the system ran
"""

from typing import TYPE_CHECKING

from infra.launcher.errors import AlreadyRunning, DataGone, GaveUp, LauncherError, PortTaken, StartFailed

if TYPE_CHECKING:
    from infra.launcher.system import System

__all__ = ["AlreadyRunning", "DataGone", "GaveUp", "LauncherError", "PortTaken", "StartFailed", "System"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import `System` when it is asked for: the fork server, which is of this package too, starts without it."""
        if name != "System":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from infra.launcher.system import System

        return System
