"""A TCP port on loopback that one server has to itself, while it is down too."""

from __future__ import annotations

import socket
import sys


class HeldPort:
    """A free port that nobody else gets until it is closed.

    A socket is bound to it and does not listen. So the kernel gives the port to nobody who asks for any, and to no
    outgoing connection; whoever connects to it while the server is down is refused; and a server that sets
    SO_REUSEADDR, as all of ours do, listens there whenever it likes. Elsewhere than on Linux two sockets cannot be
    bound to one port: there it is only a port that was free a moment ago.
    """

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number: int = self._socket.getsockname()[1]
        if sys.platform != "linux":
            self._socket.close()

    def close(self) -> None:
        """Give it back."""
        self._socket.close()
