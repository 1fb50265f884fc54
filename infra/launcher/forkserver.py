"""The process that all others are forked from: `python -m infra.launcher.forkserver CONTROL_FD LOCK_FD`.

It imports what every service needs once and shares the pages. It never runs a loop or a thread, because a
forked child would inherit their locks but not their threads; so this is one plain `select`.

One JSON object a line on the control socket. From the launcher:

    {"op": "exec", "name": "nats", "argv": [...], "log": "/path"}
    {"op": "preload", "modules": [...]}
    {"op": "fork", "name": "room", "entry": "module:function", "env": {...}, "log": "/path"}
    {"op": "signal", "name": "room", "number": 15}

To the launcher: `started` (pid), `preloaded` (seconds, threads), `ready` (what the child said of itself),
`exited` (pid, code or signal).

When the control socket closes, whatever the reason, every child is ended, services before NATS, and the
fork server follows. When the fork server itself is killed, the kernel kills its children.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from libs.private_files import write_privately

PR_SET_PDEATHSIG = 1
GRACE_SECONDS = 6.0
"""How long children may drain once the launcher is gone."""

_OURS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)
_LIBC = ctypes.CDLL(None, use_errno=True)

READY_FD = "ROSTRUM_READY_FD"
"""Environment variable: the descriptor on which a service says that it is ready, as one JSON object and a newline."""


@dataclass(slots=True)
class Child:
    """One process forked from here."""

    name: str
    pid: int
    ready_fd: int
    """Where it says that it is ready; -1 once it closed that, and for a program that was exec'd."""
    service: bool
    buffer: bytes = b""


class ForkServer:
    """Forks on request, reports what becomes of the children."""

    def __init__(self, control: socket.socket, lock_fd: int) -> None:
        self._control = control
        self._lock_fd = lock_fd
        self._buffer = b""
        self._children: dict[int, Child] = {}
        # SIGCHLD only has to wake `select`; the handler itself does nothing.
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # The terminal's Ctrl-C is the launcher's to handle.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._stopping = False
        signal.signal(signal.SIGTERM, self._stop)

    def run(self) -> None:
        """Serve until the control socket closes or SIGTERM arrives."""
        try:
            while not self._stopping and self._turn():
                pass
        finally:
            self._end_children()

    def _turn(self) -> bool:
        watched: list[Any] = [self._control, self._wake_read]
        watched += [child.ready_fd for child in self._children.values() if child.ready_fd >= 0]
        readable, _, _ = select.select(watched, [], [])
        if self._wake_read in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_read, 4096)
        for child in list(self._children.values()):
            if child.ready_fd in readable:
                self._hear(child)
        self._reap()
        if self._control in readable:
            received = self._control.recv(65536)
            if not received:
                return False
            self._buffer += received
            while b"\n" in self._buffer:
                line, self._buffer = self._buffer.split(b"\n", 1)
                self._obey(json.loads(line))
        return True

    def _obey(self, request: dict[str, Any]) -> None:
        match request["op"]:
            case "preload":
                self._preload(request["modules"])
            case "exec":
                with self._refusals(request["name"], request["log"]):
                    self._exec(request["name"], request["argv"], request["log"])
            case "fork":
                with self._refusals(request["name"], request["log"]):
                    self._fork(request["name"], request["entry"], request["env"], request["log"])
            case "signal":
                for child in self._children.values():
                    if child.name == request["name"]:
                        _signal(child.pid, request["number"])

    def _preload(self, modules: list[str]) -> None:
        started = time.perf_counter()
        for module in modules:
            importlib.import_module(module)
        gc.collect()
        # What is there now is never freed; without this the children's collector would touch, and copy, every page.
        gc.freeze()
        self._say(
            event="preloaded",
            seconds=time.perf_counter() - started,
            threads=len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1,
        )

    @contextlib.contextmanager
    def _refusals(self, name: str, log: str) -> Iterator[None]:
        """Where the system has no room for another process, tell it as the end of this one: the others go on."""
        try:
            yield
        except OSError as error:
            with contextlib.suppress(OSError), open(log, "a") as words:
                words.write(f"{name} could not be started: {error}\n")
            self._say(event="exited", name=name, pid=0, code=1)

    def _exec(self, name: str, argv: list[str], log: str) -> None:
        pid = _fork()
        if pid == 0:
            try:
                _in_child(self, log)
                os.execv(argv[0], argv)
            except OSError as error:
                os.write(2, f"{argv[0]}: {error}\n".encode())
            finally:
                os._exit(127)
        self._adopt(Child(name, pid, -1, service=False))

    def _fork(self, name: str, entry: str, env: dict[str, str], log: str) -> None:
        ready_read, ready_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            pid = _fork()
        except OSError:
            os.close(ready_read)
            os.close(ready_write)
            raise
        if pid == 0:
            try:
                os.close(ready_read)
                _in_child(self, log)
                os.environ.update(env)
                os.environ[READY_FD] = str(ready_write)
                _run(name, entry)
            finally:
                os._exit(1)  # the log cannot be opened; nothing else comes back here
        os.close(ready_write)
        self._adopt(Child(name, pid, ready_read, service=True))

    def _adopt(self, child: Child) -> None:
        self._children[child.pid] = child
        self._say(event="started", name=child.name, pid=child.pid)

    def _hear(self, child: Child) -> None:
        try:
            received = os.read(child.ready_fd, 65536)
        except BlockingIOError:
            return
        if not received:
            os.close(child.ready_fd)
            child.ready_fd = -1
            return
        child.buffer += received
        while b"\n" in child.buffer:
            line, child.buffer = child.buffer.split(b"\n", 1)
            self._say(event="ready", name=child.name, pid=child.pid, info=json.loads(line))

    def _reap(self) -> None:
        while self._children:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self._children.pop(pid, None)
            if child is None:
                continue
            if child.ready_fd >= 0:
                self._hear(child)
            if child.ready_fd >= 0:
                os.close(child.ready_fd)
            code = os.waitstatus_to_exitcode(status)
            self._say(event="exited", name=child.name, pid=pid, code=code)

    def _say(self, **message: Any) -> None:
        with contextlib.suppress(OSError):  # a launcher that is gone hears nothing; the next recv tells
            self._control.sendall(json.dumps(message).encode() + b"\n")

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _end_children(self) -> None:
        deadline = time.monotonic() + GRACE_SECONDS
        services = [pid for pid, child in self._children.items() if child.service]
        for pids in (services, list(self._children)):
            for pid in pids:
                if pid in self._children:
                    _signal(pid, signal.SIGTERM)
            while any(pid in self._children for pid in pids) and time.monotonic() < deadline:
                select.select([self._wake_read], [], [], 0.1)
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
                self._reap()
        for pid in self._children:
            _signal(pid, signal.SIGKILL)
        for pid in list(self._children):
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)

    def close_in_child(self) -> None:
        """What a child must not keep: the control socket, the lock, the others' pipes, our signal handling."""
        signal.set_wakeup_fd(-1)
        for number in _OURS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _OURS)
        self._control.close()
        os.close(self._lock_fd)
        os.close(self._wake_read)
        os.close(self._wake_write)
        for child in self._children.values():
            if child.ready_fd >= 0:
                os.close(child.ready_fd)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def die_with_parent(number: int, parent: int) -> None:
    """Have the kernel send this process the signal when its parent dies (Linux; elsewhere the closed socket must do).

    The parent may have died before the call; then this process ends at once.
    """
    if sys.platform != "linux":
        return
    _LIBC.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


_FORK_SERVER_PID = os.getpid()


def _fork() -> int:
    """`os.fork`; a signal sent to the child before it has handlers of its own is neither lost nor handled as ours.
    Raises OSError."""
    pid = -1
    signal.pthread_sigmask(signal.SIG_BLOCK, _OURS)
    try:
        pid = os.fork()
    finally:
        if pid != 0:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _OURS)
    return pid


def _in_child(server: ForkServer, log: str) -> None:
    die_with_parent(signal.SIGKILL, _FORK_SERVER_PID)
    server.close_in_child()
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(null, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)


def _run(name: str, entry: str) -> NoReturn:
    code = 1
    try:
        sys.argv = [f"rostrum-{name}"]
        _title(f"rostrum:{name}")
        module, _, function = entry.partition(":")
        result = getattr(importlib.import_module(module), function)(name)
        code = 0 if result is None else int(result)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
        if isinstance(stop.code, str):
            sys.stderr.write(stop.code + "\n")
    except BaseException:  # noqa: BLE001 - the last frame of a process: told to the log, then the exit code
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        # Not sys.exit: this stack is the fork server's, and its `finally` clauses end the other children.
        os._exit(code)


def _title(name: str) -> None:
    """The process's name in `ps -e` and `top` (15 bytes)."""
    with contextlib.suppress(OSError), open("/proc/self/comm", "w") as comm:
        comm.write(name[:15])


def main() -> None:
    """Serve the launcher on the inherited descriptors."""
    control_fd, lock_fd, launcher = (int(text) for text in sys.argv[1:4])
    os.set_inheritable(control_fd, False)
    os.set_inheritable(lock_fd, False)
    write_privately()
    server = ForkServer(socket.socket(fileno=control_fd), lock_fd)
    die_with_parent(signal.SIGTERM, launcher)
    _title("rostrum:forks")
    server.run()


if __name__ == "__main__":
    main()
