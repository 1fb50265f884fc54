"""Running one service from its settings to its last flushed byte."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import nats.errors

from contracts import subjects
from libs.aio import end
from libs.bus import Bus, CannotConnect, connect
from libs.private_files import keep_closed, write_privately
from libs.refusal import Refusal
from libs.service.data import DataGone, watch
from libs.service.health import Health
from libs.service.runtime import settle
from libs.service.settings import BadSettings, ServiceSettings
from libs.telemetry import configure_logs, configure_traces, flush_traces
from libs.telemetry.metrics import figures

_log = logging.getLogger(__name__)
_ANNOUNCE_EVERY: Final = 5.0
_CANCEL_AGAIN: Final = 0.5

S = TypeVar("S", bound=ServiceSettings)
T = TypeVar("T")

EXIT_FAILED: Final = 1
EXIT_BAD_SETTING: Final = 2
EXIT_NO_NATS: Final = 3
EXIT_DATA_GONE: Final = 4


class CannotStart(Exception):
    """Raised by a composition for something the operator must mend; the text is the one line they see."""


class Service(Generic[S]):
    """What a composition root builds on. Things are closed in the reverse order they were entered.

    So a `main.py` opens its store first, then relay and consumers, and serves commands last: at the end no new
    command is taken, those in flight are finished, the relay flushes, the store closes, the bus goes last.
    """

    def __init__(self, settings: S, bus: Bus, stack: AsyncExitStack) -> None:
        self.settings = settings
        self.bus = bus
        self.health_port = 0
        self.uses: dict[str, str] = {}
        """What a composition chose, by name; readiness says so."""
        self._stack = stack
        self._checks: dict[str, Callable[[], str | None]] = {}
        self._composed = False
        self._stopping = asyncio.Event()
        self._failure: BaseException | None = None
        self._ready_fd = settings.ready_fd

    @property
    def name(self) -> str:
        return self.settings.service

    async def enter(self, context: AbstractAsyncContextManager[T]) -> T:
        """Enter a context now, leave it when the service stops."""
        return await self._stack.enter_async_context(context)

    def on_stop(self, call: Callable[[], Awaitable[None]]) -> None:
        """Await `call()` when the service stops."""
        self._stack.push_async_callback(call)

    def spawn(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something for as long as the service runs. It is cancelled at the end; if it raises, the service fails
        (exit code not 0, and whoever runs it starts it again)."""
        task = asyncio.create_task(work, name=name)

        def ended(done: asyncio.Task[None]) -> None:
            if not done.cancelled() and (error := done.exception()) is not None:
                _log.error("%s failed", name, exc_info=error)
                self.fail(error)

        async def stop() -> None:
            await end(task)

        task.add_done_callback(ended)
        self._stack.push_async_callback(stop)
        return task

    def ready_when(self, name: str, check: Callable[[], str | None]) -> None:
        """Add a readiness check: returns None when well, else what is missing."""
        self._checks[name] = check

    def missing(self) -> dict[str, str]:
        """What is missing by name; empty when the service is ready."""
        result: dict[str, str] = {}
        if not self._composed:
            result["start"] = "starting"
        if self._stopping.is_set():
            result["stop"] = "stopping"
        if not self.bus.is_connected:
            result["bus"] = "not connected to NATS"
        if (refusing := self.bus.writes.trouble()) is not None:
            result["streams"] = refusing
        if (stands := self.bus.halts.trouble()) is not None:
            result["events"] = stands
        if (late := self.bus.clock.trouble()) is not None:
            result["clock"] = late
        for name, check in self._checks.items():
            if (lack := check()) is not None:
                result[name] = lack
        return result

    def fail(self, error: BaseException) -> None:
        """Stop the service; its exit code is not 0."""
        self._failure = self._failure or error
        self._stopping.set()

    def stop(self) -> None:
        """Stop the service in order."""
        self._stopping.set()

    async def until_stopped(self) -> None:
        """Wait for SIGTERM, SIGINT, `stop` or `fail`."""
        await self._stopping.wait()

    async def _announce(self) -> None:
        """Tell the bus whether we are ready: when it changes, and every few seconds."""
        loop = asyncio.get_running_loop()
        told: dict[str, str] | None = None
        next_time = 0.0
        while True:
            missing = self.missing()
            if missing != told or loop.time() >= next_time:
                if missing != told:
                    if not missing or self.bus.halts.trouble() is not None:
                        # Who stands before an event waits for an operator, who needs the rest of the system.
                        self._tell_parent()
                    _log.info("ready" if not missing else "not ready", extra={"missing": missing} if missing else {})
                await self._say(missing)
                told, next_time = missing, loop.time() + _ANNOUNCE_EVERY
            await asyncio.sleep(0.05)

    def _tell_parent(self) -> None:
        """Tell whoever started this process, once, on the descriptor it gave us."""
        if self._ready_fd is None:
            return
        ready_fd, self._ready_fd = self._ready_fd, None
        info = {"health": f"http://{self.settings.health_host}:{self.health_port}"}
        with contextlib.suppress(OSError):
            os.write(ready_fd, json.dumps(info).encode() + b"\n")
            os.close(ready_fd)

    async def _say(self, missing: dict[str, str]) -> None:
        if not self.bus.is_connected:
            return
        status = {
            "service": self.name,
            "instance": self.settings.name,
            "pid": os.getpid(),
            "health_port": self.health_port,
            "ready": not missing,
            "missing": missing,
            "halted": self.bus.halts.told(),
            "figures": figures(),
        }
        with contextlib.suppress(nats.errors.Error, OSError):
            await self.bus.say(subjects.service_status(self.name, self.settings.name), json.dumps(status).encode())


Compose = Callable[[Service[S]], Awaitable[None]]


@contextlib.asynccontextmanager
async def running(settings: S, compose: Compose[S]) -> AsyncIterator[Service[S]]:
    """A service that runs while the context is open; tests use it as it is, `run` adds signals and exit codes.

    Raises CannotConnect, CannotStart, OSError (the health port is taken).
    """
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(await connect(settings.service, settings.bus))
        service = Service(settings, bus, stack)
        health = await stack.enter_async_context(
            Health(settings.health_host, settings.health_port, service.missing, service.uses)
        )
        service.health_port = health.port

        async def watch_bus() -> None:
            await bus.closed.wait()
            if not service._stopping.is_set():
                raise CannotConnect("NATS closed the connection for good")

        def keeps_no_longer(failure: asyncio.Future[BaseException]) -> None:
            if not failure.cancelled():
                service.fail(failure.result())

        service.spawn("watch the bus", watch_bus())
        bus.failure.add_done_callback(keeps_no_longer)
        service.spawn("compare clocks", bus.clock.run())
        service.spawn("announce", service._announce())
        await compose(service)
        place = settings.store_place
        service.spawn("watch the data", watch([settings.var, *([place] if isinstance(place, Path) else [])]))
        service._composed = True
        await service._say(service.missing())
        try:
            yield service
        finally:
            service.stop()
            await service._say(service.missing())


def run(settings_class: type[S], compose: Compose[S], env: Mapping[str, str]) -> int:
    """Run a service until SIGTERM or SIGINT; the exit code.

    0 after an orderly stop, 2 for a wrong setting, 3 without NATS, 1 for anything else; a failure at start is one line
    on stderr. Call it in a process of its own (a forked child is fine: nothing is connected before).
    """
    name = settings_class.service
    write_privately()
    try:
        settings = settings_class.read(env)
    except BadSettings as error:
        return _told(name, str(error), EXIT_BAD_SETTING)
    configure_logs(name, level=settings.log_level, form=settings.log_format)
    if changed := keep_closed(settings.var):
        _log.info("%d files and folders in %s can be read by their owner only now", changed, settings.var)
    configure_traces(name, otlp_endpoint=settings.otlp_endpoint)
    try:
        return _loop(_serve(settings, compose))
    finally:
        flush_traces()


def _loop(main: Coroutine[Any, Any, int]) -> int:
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


async def _serve(settings: S, compose: Compose[S]) -> int:
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    _log.info("starting")
    composed = asyncio.Event()
    work = asyncio.create_task(_work(settings, compose, asked, composed))
    watch = asyncio.create_task(asked.wait())
    await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
    watch.cancel()
    if not work.done() and not await _ended(work, composed, settings.stop_within):
        _log.error("the service did not stop within %.1f s and is cut off", settings.stop_within)
        _told(settings.service, f"did not stop within {settings.stop_within} s", EXIT_FAILED)
        sys.stdout.flush()
        os._exit(EXIT_FAILED)
    return 0 if work.cancelled() else work.result()


async def _ended(work: asyncio.Task[int], composed: asyncio.Event, within: float) -> bool:
    """Wait for the end of a service that was asked to stop; one that still starts is cancelled.

    Cancelled again when that did not help (a library may have swallowed it, see `libs.aio.end`), with time in between
    for what was opened already to be closed.
    """
    deadline = time.monotonic() + within
    while not work.done() and (left := deadline - time.monotonic()) > 0:
        if not composed.is_set():
            work.cancel()
            left = min(left, _CANCEL_AGAIN)
        await asyncio.wait({work}, timeout=left)
    return work.done()


async def _work(settings: S, compose: Compose[S], asked: asyncio.Event, composed: asyncio.Event) -> int:
    name = settings.service
    try:
        async with running(settings, compose) as service:
            settle()
            composed.set()
            first = {asyncio.create_task(asked.wait()), asyncio.create_task(service.until_stopped())}
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            for task in first:
                task.cancel()
        if isinstance(service._failure, DataGone):
            return _told(name, str(service._failure), EXIT_DATA_GONE)
        if service._failure is not None:
            return _told(name, f"failed: {service._failure}", EXIT_FAILED)
    except CannotConnect as error:
        return _told(name, str(error), EXIT_NO_NATS)
    except (CannotStart, OSError) as error:
        return _told(name, str(error), EXIT_FAILED)
    except Refusal as error:
        return _told(name, error.detail, EXIT_FAILED)
    _log.info("stopped")
    return 0


def _told(service: str, text: str, code: int) -> int:
    print(f"rostrum {service}: {' '.join(text.split())}", file=sys.stderr, flush=True)  # noqa: T201
    return code
