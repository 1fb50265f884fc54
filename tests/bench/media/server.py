"""A forwarder in a process of its own with the load generator's sessions; `python -m tests.bench.media.server CONFIG`.

CONFIG is JSON: `listeners`, `talkers`, and the forwarder's own settings; as many threads as media has where they say
nothing. The sessions' credentials and keys follow from their numbers, as in the load generator, so that thousands are
there in a second. Orders come as lines on standard input, answers are lines of JSON: first `{"port": ...}`, then to
each empty line the counters.
"""

from __future__ import annotations

import json
import os
import select
import sys
from pathlib import Path
from typing import Any, Final

from rostrum_forwarder import Forwarder, IceCredentials, Reachable

from services.media.settings import cores

TALKERS: Final = 1 << 20
SPACE: Final = 7


def ice(number: int) -> IceCredentials:
    """Local and remote credentials."""
    return IceCredentials(
        local_ufrag=f"ours{number}",
        local_pwd=f"our password of session {number}",
        remote_ufrag=f"theirs{number}",
        remote_pwd="their password, 22 bytes",
    )


def master(number: int, sent_to_it: bool) -> bytes:
    """Master key and salt."""
    return number.to_bytes(4, "big") + (b"\x22" if sent_to_it else b"\x11") * 24


def cpu_ns() -> int:
    """CPU time of the forwarder's threads, user and system; what this script spends on questions is not theirs."""
    tasks = Path("/proc/self/task")
    own = [task for task in tasks.iterdir() if (task / "comm").read_text().startswith("forwarder")]
    return sum(int((task / "schedstat").read_text().split()[0]) for task in own)


def main(config: dict[str, Any]) -> None:
    """Serve until standard input ends."""
    listeners, talkers = config.pop("listeners"), config.pop("talkers")
    config.setdefault("threads", cores())
    forwarder = Forwarder("127.0.0.1", 0, **config)
    for number in range(listeners):
        slots = [(str(slot), (number + 1) * 4 + slot) for slot in range(3)]
        forwarder.add_listener(
            number,
            space=SPACE,
            owner=0,
            ice=ice(number),
            payload_type=111,
            mid_extension=4,
            level_extension=1,
            slots=slots,
        )
    for number in range(TALKERS, TALKERS + talkers):
        forwarder.add_publisher(
            number,
            space=SPACE,
            owner=number,
            ice=ice(number),
            payload_type=111,
            level_extension=1,
            muted=False,
            capture=False,
        )
    print(json.dumps({"port": forwarder.port, "pid": os.getpid(), "threads": config["threads"]}), flush=True)
    while True:
        ready, _, _ = select.select([forwarder.fileno(), 0], [], [])
        for event in forwarder.poll(4096):
            if isinstance(event, Reachable):
                number = event.session
                forwarder.set_keys(number, receive=master(number, False), send=master(number, True))
        if 0 in ready:
            if not os.read(0, 1):
                break
            delays = {f"delay {bucket.end_us}": bucket.packets for bucket in forwarder.delays().buckets}
            print(json.dumps({**forwarder.stats(), **delays, "cpu_ns": cpu_ns()}), flush=True)
    forwarder.close()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
