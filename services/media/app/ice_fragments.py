"""What clients send of ICE once a connection is set up: candidates, and restarts (RFC 8840)."""

from __future__ import annotations

from collections.abc import Callable

from contracts.media import v1
from libs.refusal import Refusal
from services.media.adapters.edge import Edge
from services.media.adapters.offer import BadOffer, read_fragment
from services.media.app.session import Session


class IceFragments:
    """Takes the ICE fragments of open connections. `known` gives a connection by its id, or refuses."""

    def __init__(self, edge: Edge, known: Callable[[str], Session]) -> None:
        self._edge = edge
        self._known = known

    def trickle(self, session_id: str, fragment: str, etag: str | None) -> None:
        """Take an ICE fragment (RFC 8840). We are ICE-lite: candidates tell us nothing that checks do not.

        Refuses: session_unknown, precondition_failed, bad_sdp.
        """
        session = self._known(session_id)
        if etag not in (None, session.etag):
            raise Refusal("precondition_failed", "The ICE session is another one by now.")
        try:
            told = read_fragment(fragment)
        except BadOffer as error:
            raise Refusal("bad_sdp", str(error)) from error
        if told.ufrag not in (None, session.remote_ufrag):
            raise Refusal("bad_sdp", "These are candidates of another ICE session; to begin one, say If-Match: *.")

    def restart(self, session_id: str, fragment: str) -> v1.Restarted:
        """Begin another ICE session. Beginning one again with the same credentials changes nothing.

        Refuses: session_unknown, bad_sdp.
        """
        session = self._known(session_id)
        try:
            told = read_fragment(fragment)
        except BadOffer as error:
            raise Refusal("bad_sdp", str(error)) from error
        if told.ufrag is None or told.pwd is None:
            raise Refusal("bad_sdp", "A restart needs a new ice-ufrag and a new ice-pwd.")
        answer = self._edge.restart(session.number, session.mid, told.ufrag, told.pwd)
        session.remote_ufrag = told.ufrag
        session.restarts += 1
        return v1.Restarted(etag=session.etag, fragment=answer)
