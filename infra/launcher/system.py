"""Start, watch, restart and drain the processes of one machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from contracts.subjects import SERVICES
from infra.launcher.background_work import BackgroundWork
from infra.launcher.bus import LocalNats
from infra.launcher.ending import Ending
from infra.launcher.environment import Surroundings
from infra.launcher.errors import GaveUp, LauncherError, StartFailed
from infra.launcher.folder import Folder
from infra.launcher.forks import MEDIA_NODES, Forks
from infra.launcher.process import LONGEST_DELAY_SECONDS, Process
from infra.launcher.streams import has_room, keep_writable
from infra.nats.permissions import ERASER
from infra.nats.server import ADMIN

ENTRY: Final = "infra.launcher.child:serve"
PRELOAD: Final = ("infra.launcher.preload",)
NATS: Final = "nats"
ERASING: Final = "infra.launcher.child:eraser"
START_SECONDS: Final = 60.0
"""How long one process may take to become ready."""
DECLARE_AGAIN_SECONDS: Final = 1.0
DRAIN_SECONDS: Final = 10.0
"""How long a process may drain before it is killed."""

Say = Callable[[str], None]


def node_names(count: int) -> tuple[str, ...]:
    """Names of so many media processes."""
    return ("media", *(f"media-{number}" for number in range(2, count + 1)))


class System:
    """NATS and the services of one folder of data. An async context manager: ready inside, gone after.

    `var_dir`       all data, keys and logs
    `gateway_port`  0 takes a free one
    `services`      which, in the order in which they start when they need each other; all by default
    `settings`      environment of every service, over this process's own
    `own_nats`      False where NATS runs elsewhere; the services then find it in their environment
    `guests`        name and entry of what is started once everything is ready, and stopped first; a guest that keeps
                    dying is left out, and the system goes on
    `say`           told in one line what happens, for a person
    `media_nodes`   how many media processes there are: `media`, `media-2`, `media-3` and so on
    `entry`         `module:function` called in the child with the service's name (tests put their own here)
    """

    def __init__(
        self,
        var_dir: Path,
        *,
        gateway_port: int = 8080,
        services: Sequence[str] = SERVICES,
        settings: Mapping[str, str] | None = None,
        own_nats: bool = True,
        guests: Mapping[str, str] | None = None,
        say: Say = lambda _: None,
        entry: str = ENTRY,
        preload: Sequence[str] = PRELOAD,
        drain_seconds: float = DRAIN_SECONDS,
        media_nodes: int = 1,
    ) -> None:
        unknown = [name for name in services if name not in SERVICES]
        if unknown:
            raise LauncherError(f"there is no service {unknown[0]!r}; there are {', '.join(SERVICES)}")
        self.var_dir = Path(var_dir).resolve()
        self._folder = Folder(self.var_dir)
        if media_nodes < 1:
            raise LauncherError(f"{MEDIA_NODES} is {media_nodes}; there must be at least one media node")
        self.services = tuple(
            name for service in services for name in (node_names(media_nodes) if service == "media" else (service,))
        )
        self._say = say
        self._entry = entry
        self._preload = list(preload)
        self._drain_seconds = drain_seconds
        self._nats = LocalNats(self.var_dir) if own_nats else None
        self._guests = dict(guests or {})
        # Where NATS runs elsewhere, somebody there may delete messages (`rostrum eraser`).
        self._helpers = {ERASER: ERASING} if own_nats and entry == ENTRY and "people" in services else {}
        everybodys = {name: value for name, value in (settings or {}).items() if name != MEDIA_NODES}
        self._surroundings = Surroundings(self.var_dir, gateway_port, everybodys, self._nats, self._guests)
        names = (*((NATS,) if own_nats else ()), *self.services, *self._helpers, *self._guests)
        self._processes = {name: Process(name) for name in names}
        self._forks = Forks()
        self._work = BackgroundWork(self._folder)
        self._preloaded = asyncio.Event()
        self._boots = 0
        """How often everything was started again."""
        self._starting = True
        self._stopping = False
        self.preload_info: dict[str, Any] = {}

    # ---- what others ask ---------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where the gateway answers."""
        return self._surroundings.url

    @property
    def nats_url(self) -> str:
        """Where NATS answers, without credentials. Raises LauncherError where it is not ours."""
        return self._local_nats().url

    def credentials(self, user: str = ADMIN) -> tuple[str, str]:
        """User and password of a service, or of the launcher itself, which may do everything."""
        return self._local_nats().credentials(user)

    def nats_api(self, user: str = ADMIN) -> str:
        """What the subjects of JetStream's API begin with for a user who may change streams."""
        return self._local_nats().api(user)

    def _local_nats(self) -> LocalNats:
        if self._nats is None:
            raise LauncherError("NATS runs elsewhere")
        return self._nats

    def pid(self, name: str) -> int:
        """Process id of a service or of `nats`. Raises LauncherError while it does not run."""
        pid = self._processes[name].pid
        if pid is None:
            raise LauncherError(f"{name} is not running")
        return pid

    def restarts(self, name: str) -> int:
        """How often it has been started again."""
        return self._processes[name].restarts

    def info(self, name: str) -> dict[str, Any]:
        """What the service said of itself when it became ready (`health`: the address of its health page)."""
        return self._processes[name].info

    def environment(self, name: str) -> dict[str, str]:
        """What a service finds in its environment, so that a test or another process can stand in for it."""
        return self._surroundings.of(name)

    def change(self, settings: Mapping[str, str]) -> None:
        """Other settings, which a process has from its next start on."""
        self._surroundings.settings.update(settings)

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Send a signal, SIGKILL unless told otherwise, as a fault would; the pid it went to.

        After one that ends it, `ready` waits for the process that takes its place.
        """
        pid = self.pid(name)
        if number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            self._processes[name].is_ready.clear()
        os.kill(pid, number)
        return pid

    async def ready(self, name: str, timeout: float = 90.0) -> None:
        """Wait until the service is ready. Raises LauncherError when it is not in time, or the system gave up."""
        await self._work.or_failure(self._processes[name].is_ready.wait(), name, timeout)

    async def wait(self) -> None:
        """Until the system fails for good; then raises why."""
        await self._work.failed()

    # ---- start -------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Everything up and ready, or nothing left and a LauncherError."""
        self._work.begin()
        try:
            await self._folder.take(self._say)
            if "gateway" in self.services:
                self._surroundings.settle()
            await self._boot()
            self._starting = False
            self._work.spawn(self._folder.watch())
            if self._nats:
                self._work.spawn(keep_writable(self._nats, self.var_dir, self._say, self._restart_nats))
            self._write_system_file()
        except BaseException:
            await self.stop()
            raise

    async def _boot(self) -> None:
        """Fork server, NATS, then all services at once: each waits for what it needs, and says when it is ready."""
        await self._start_fork_server()
        if self._nats:
            await self._start_nats(self._nats)
        self._forks.send(op="preload", modules=self._preload)
        if self._nats:
            await self._nats.declare(self.services)
        await self._work.or_failure(self._preloaded.wait(), "the fork server", START_SECONDS)
        for name in (*self.services, *self._helpers):
            self._fork(name)
        for name in (*self.services, *self._helpers):
            await self._work.or_failure(self._processes[name].is_ready.wait(), name, START_SECONDS)
        for name in self._guests:
            self._fork(name)

    async def _start_fork_server(self) -> None:
        self._preloaded.clear()
        await self._forks.start(self._folder.lock_fd, self._folder.fresh_log("forks"), self._surroundings.settings)
        self._work.spawn(self._listen())

    async def _start_nats(self, nats: LocalNats) -> None:
        process = self._processes[NATS]
        order = {"argv": nats.prepare(), "log": str(self._folder.fresh_log(NATS))}
        process.asked_for()  # not before the above, which may raise: `stop` waits for what was asked for
        self._forks.send(op="exec", name=NATS, **order)
        await nats.answers(self._work.raise_failure)
        process.became_ready({"url": nats.url}, time.monotonic())
        if self._starting:
            self._say("nats: ready")
        else:
            self._write_system_file()

    def _fork(self, name: str) -> None:
        order = {"env": self.environment(name), "log": str(self._folder.fresh_log(name))}
        entry = self._helpers.get(name) or self._guests.get(name, self._entry)
        self._processes[name].asked_for()
        self._forks.send(op="fork", name=name, entry=entry, **order)

    # ---- watching ----------------------------------------------------------------------------------

    async def _listen(self) -> None:
        """What the fork server reports, until it is gone."""
        while message := await self._forks.hear():
            now = time.monotonic()
            match message["event"]:
                case "preloaded":
                    self.preload_info = message
                    self._preloaded.set()
                case "started":
                    self._processes[message["name"]].started(message["pid"], now)
                case "ready":
                    process = self._processes[message["name"]]
                    if process.pid == message["pid"]:
                        process.became_ready(message["info"], now)
                        self._write_system_file()
                        if self._starting:
                            self._say(f"{process.name}: ready")
                case "exited":
                    self._exited(message["name"], message["code"], now)
        if self._stopping:
            for process in self._processes.values():
                process.is_gone.set()
        else:
            await self._forks_lost()

    def _exited(self, name: str, code: int, now: float) -> None:
        process = self._processes[name]
        was_ready = process.ready_at is not None
        delay = process.died(now)
        if self._stopping:
            return
        if delay is None and not has_room(self.var_dir):
            delay = LONGEST_DELAY_SECONDS  # it can do nothing about a full disk
        ending = Ending(name, code, was_ready, delay, self._folder.last_words(name), self._folder.log(name))
        if name in self._guests and (code == 0 or delay is None):
            self._say(f"{name} {ending.how}{ending.because}; going on without")
        elif (failure := ending.failure(starting=self._starting)) is not None:
            self._work.fail(failure)
        else:
            wait = f"in {delay:.1f} s" if delay else "now"
            self._say(f"{name} {ending.how}{ending.because}; restarting it {wait}")
            self._work.spawn(self._restart(name, delay or 0.0))

    async def _restart(self, name: str, delay: float) -> None:
        restarts, boots = self.restarts(name), self._boots
        await asyncio.sleep(delay)
        if self._stopping or self._boots != boots:  # or everything is started again
            return
        if self._nats and name == NATS:
            if not await self._renew_nats(self._nats):
                return
        else:
            self._fork(name)
            if name in self._guests:
                return
            await self._processes[name].is_ready.wait()
        if self.restarts(name) == restarts:
            self._say(f"{name} is ready again")

    async def _renew_nats(self, nats: LocalNats) -> bool:
        """Start it again and declare its streams; False where it died meanwhile, and is started again elsewhere."""
        restarts = self.restarts(NATS)
        try:
            await self._start_nats(nats)
        except LauncherError:
            if self.restarts(NATS) == restarts:
                raise
            return False
        while True:
            try:
                await nats.declare(self.services)
            except (OSError, NatsError, JetStreamError) as error:
                if self.restarts(NATS) != restarts or self._stopping:
                    return False
                self._say(f"nats: streams are declared later: {error}")
                await asyncio.sleep(DECLARE_AGAIN_SECONDS)
            else:
                return self.restarts(NATS) == restarts

    def _restart_nats(self) -> None:
        with contextlib.suppress(LauncherError, ProcessLookupError):  # it has just ended by itself
            self.kill(NATS, signal.SIGTERM)

    async def _forks_lost(self) -> None:
        """Somebody killed the fork server, and the kernel its children: start over, on the same ports."""
        for process in self._processes.values():
            if process.died(time.monotonic()) is None:
                self._work.fail(GaveUp("the fork server keeps dying"))
                return
        if self._starting:
            self._work.fail(StartFailed(f"the fork server ended: {self._folder.last_words('forks')}"))
            return
        self._say("the fork server was killed; restarting everything")
        self._boots += 1
        await self._forks.end()
        self._work.spawn(self._boot())

    # ---- stop --------------------------------------------------------------------------------------

    async def stop(self) -> None:
        """End the guests, drain the gateway, then the other services, then NATS; kill what does not end in time."""
        if self._stopping:
            return
        self._stopping = self._work.ending = True
        others = [name for name in (*self.services, *self._helpers) if name != "gateway"]
        for group in (
            list(self._guests),
            ["gateway"] if "gateway" in self.services else [],
            others,
            [NATS] if self._nats else [],
        ):
            await self._end(group)
        await self._forks.end()
        await self._work.end()
        self._surroundings.release()
        self._folder.release()

    async def _end(self, names: Sequence[str]) -> None:
        ending = [process for process in map(self._processes.__getitem__, names) if not process.is_gone.is_set()]
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in ending:
                if process.is_gone.is_set():
                    continue
                if number == signal.SIGKILL:
                    self._say(f"{process.name} did not drain within {self._drain_seconds:.0f} s and is killed")
                # Through the fork server: it may still be about to start what it was asked for.
                self._forks.send(op="signal", name=process.name, number=int(number))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._drain_seconds):
                    for process in ending:
                        await process.is_gone.wait()
                    return

    def _write_system_file(self) -> None:
        content = {
            "url": self.url if "gateway" in self.services else None,
            "nats_url": self._nats.url if self._nats else None,
            "launcher_pid": os.getpid(),
            "processes": {
                process.name: {"pid": process.pid, "ready": process.is_ready.is_set(), **process.info}
                for process in self._processes.values()
            },
        }
        try:
            self._folder.write_system_file(content)
        except OSError as error:
            self._say(f"run/system.json is out of date: {error.strerror}")
