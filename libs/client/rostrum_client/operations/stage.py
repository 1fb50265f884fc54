"""Operations on stage. Written from the contracts by `make contracts`; do not edit."""

from __future__ import annotations

from rostrum_client import models as m
from rostrum_client.request import AsyncCalls, Calls, Request, quoted


class Stage:
    """Asks and waits."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def reactions(self) -> m.Reactions:
        """How one can react."""
        return self._calls.answer(Request("GET", "/v1/reactions"), m.Reactions)

    def change_space(self, space_id: str, body: m.Changes, *, idempotency_key: str | None = None) -> m.SpaceView:
        """The host chooses otherwise."""
        return self._calls.answer(
            Request("PATCH", f"/v1/spaces/{quoted(space_id)}", body=body, key=idempotency_key), m.SpaceView
        )

    def dismiss_cohost(self, space_id: str, person_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """The host makes a co-host a speaker again."""
        return self._calls.answer(
            Request("DELETE", f"/v1/spaces/{quoted(space_id)}/cohosts/{quoted(person_id)}", key=idempotency_key),
            m.SpaceView,
        )

    def appoint_cohost(self, space_id: str, person_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """The host makes somebody on stage a co-host."""
        return self._calls.answer(
            Request("PUT", f"/v1/spaces/{quoted(space_id)}/cohosts/{quoted(person_id)}", key=idempotency_key),
            m.SpaceView,
        )

    def raise_hand(self, space_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Raise a hand; it stays until it is lowered or one unmutes."""
        return self._calls.answer(
            Request("PUT", f"/v1/spaces/{quoted(space_id)}/hands/me", key=idempotency_key), m.SpaceView
        )

    def lower_hand(self, space_id: str, person_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Lower one's hand, or as a host anybody's."""
        return self._calls.answer(
            Request("DELETE", f"/v1/spaces/{quoted(space_id)}/hands/{quoted(person_id)}", key=idempotency_key),
            m.SpaceView,
        )

    def invite(self, space_id: str, body: m.NewInvitation, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Invite somebody."""
        return self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/invitations", body=body, key=idempotency_key), m.SpaceView
        )

    def accept_invitation(
        self, space_id: str, body: m.Acceptance | None = None, *, idempotency_key: str | None = None
    ) -> m.SpaceView:
        """Come on stage."""
        return self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/invitations/me/accept", body=body, key=idempotency_key),
            m.SpaceView,
        )

    def decline_invitation(self, space_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Say no."""
        return self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/invitations/me/decline", key=idempotency_key), m.SpaceView
        )

    def withdraw_invitation(
        self, space_id: str, person_id: str, *, to: m.InvitedTo = "speak", idempotency_key: str | None = None
    ) -> m.SpaceView:
        """Take an invitation back: to speak, or to join. Whoever is there already stays."""
        return self._calls.answer(
            Request(
                "DELETE",
                f"/v1/spaces/{quoted(space_id)}/invitations/{quoted(person_id)}",
                query={"to": to},
                key=idempotency_key,
            ),
            m.SpaceView,
        )

    def invited_people(self, space_id: str, *, limit: int = 100, after: str = "") -> m.SpacePeople:
        """Everybody who is invited, for the hosts, a page at a time."""
        return self._calls.answer(
            Request("GET", f"/v1/spaces/{quoted(space_id)}/invited", query={"limit": limit, "after": after}),
            m.SpacePeople,
        )

    def choose_language(self, space_id: str, body: m.OwnLanguage, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Say on stage what one speaks, for one's captions; it holds from what one says next."""
        return self._calls.answer(
            Request("PUT", f"/v1/spaces/{quoted(space_id)}/languages/me", body=body, key=idempotency_key), m.SpaceView
        )

    def mute_all(self, space_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """A host mutes everybody else on stage."""
        return self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/mute-all", key=idempotency_key), m.SpaceView
        )

    def pin(self, space_id: str, body: m.NewPin, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Pin a link for everybody; for people on stage."""
        return self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/pins", body=body, key=idempotency_key), m.SpaceView
        )

    def unpin(self, space_id: str, pin_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Take a link away: one's own, or as a host any."""
        return self._calls.answer(
            Request("DELETE", f"/v1/spaces/{quoted(space_id)}/pins/{quoted(pin_id)}", key=idempotency_key), m.SpaceView
        )

    def react(self, space_id: str, body: m.NewReaction, *, idempotency_key: str | None = None) -> None:
        """React."""
        self._calls.nothing(Request("POST", f"/v1/spaces/{quoted(space_id)}/reactions", body=body, key=idempotency_key))

    def removed_people(self, space_id: str, *, limit: int = 100, after: str = "") -> m.SpacePeople:
        """Everybody who is out, for the hosts, a page at a time."""
        return self._calls.answer(
            Request("GET", f"/v1/spaces/{quoted(space_id)}/removals", query={"limit": limit, "after": after}),
            m.SpacePeople,
        )

    def remove_person(self, space_id: str, body: m.NewRemoval, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Remove somebody for good."""
        return self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/removals", body=body, key=idempotency_key), m.SpaceView
        )

    def readmit_person(self, space_id: str, person_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Undo a removal."""
        return self._calls.answer(
            Request("DELETE", f"/v1/spaces/{quoted(space_id)}/removals/{quoted(person_id)}", key=idempotency_key),
            m.SpaceView,
        )

    def request_to_speak(
        self, space_id: str, body: m.NewRequest | None = None, *, idempotency_key: str | None = None
    ) -> m.SpaceView:
        """Ask to speak."""
        return self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/requests", body=body, key=idempotency_key), m.SpaceView
        )

    def cancel_request(self, space_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Leave the queue."""
        return self._calls.answer(
            Request("DELETE", f"/v1/spaces/{quoted(space_id)}/requests/me", key=idempotency_key), m.SpaceView
        )

    def accept_request(self, space_id: str, person_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Let somebody in."""
        return self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/requests/{quoted(person_id)}/accept", key=idempotency_key),
            m.SpaceView,
        )

    def decline_request(self, space_id: str, person_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Say no."""
        return self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/requests/{quoted(person_id)}/decline", key=idempotency_key),
            m.SpaceView,
        )

    def leave_stage(self, space_id: str, person_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Step down, or as a host move somebody back to the listeners."""
        return self._calls.answer(
            Request("DELETE", f"/v1/spaces/{quoted(space_id)}/stage/{quoted(person_id)}", key=idempotency_key),
            m.SpaceView,
        )

    def mute(self, space_id: str, person_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Mute oneself, or as a host anybody."""
        return self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/stage/{quoted(person_id)}/mute", key=idempotency_key),
            m.SpaceView,
        )

    def unmute(self, space_id: str, person_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Open one's own microphone."""
        return self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/stage/{quoted(person_id)}/unmute", key=idempotency_key),
            m.SpaceView,
        )

    def change_words(self, space_id: str, body: m.WordList, *, idempotency_key: str | None = None) -> m.SpaceView:
        """A host or co-host chooses the word list anew; it helps with what is said next."""
        return self._calls.answer(
            Request("PUT", f"/v1/spaces/{quoted(space_id)}/words", body=body, key=idempotency_key), m.SpaceView
        )

    def topics(self) -> m.Topics:
        """What a Space may be about."""
        return self._calls.answer(Request("GET", "/v1/topics"), m.Topics)


class AsyncStage:
    """The same as coroutines."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    async def reactions(self) -> m.Reactions:
        """How one can react."""
        return await self._calls.answer(Request("GET", "/v1/reactions"), m.Reactions)

    async def change_space(self, space_id: str, body: m.Changes, *, idempotency_key: str | None = None) -> m.SpaceView:
        """The host chooses otherwise."""
        return await self._calls.answer(
            Request("PATCH", f"/v1/spaces/{quoted(space_id)}", body=body, key=idempotency_key), m.SpaceView
        )

    async def dismiss_cohost(self, space_id: str, person_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """The host makes a co-host a speaker again."""
        return await self._calls.answer(
            Request("DELETE", f"/v1/spaces/{quoted(space_id)}/cohosts/{quoted(person_id)}", key=idempotency_key),
            m.SpaceView,
        )

    async def appoint_cohost(self, space_id: str, person_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """The host makes somebody on stage a co-host."""
        return await self._calls.answer(
            Request("PUT", f"/v1/spaces/{quoted(space_id)}/cohosts/{quoted(person_id)}", key=idempotency_key),
            m.SpaceView,
        )

    async def raise_hand(self, space_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Raise a hand; it stays until it is lowered or one unmutes."""
        return await self._calls.answer(
            Request("PUT", f"/v1/spaces/{quoted(space_id)}/hands/me", key=idempotency_key), m.SpaceView
        )

    async def lower_hand(self, space_id: str, person_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Lower one's hand, or as a host anybody's."""
        return await self._calls.answer(
            Request("DELETE", f"/v1/spaces/{quoted(space_id)}/hands/{quoted(person_id)}", key=idempotency_key),
            m.SpaceView,
        )

    async def invite(self, space_id: str, body: m.NewInvitation, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Invite somebody."""
        return await self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/invitations", body=body, key=idempotency_key), m.SpaceView
        )

    async def accept_invitation(
        self, space_id: str, body: m.Acceptance | None = None, *, idempotency_key: str | None = None
    ) -> m.SpaceView:
        """Come on stage."""
        return await self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/invitations/me/accept", body=body, key=idempotency_key),
            m.SpaceView,
        )

    async def decline_invitation(self, space_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Say no."""
        return await self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/invitations/me/decline", key=idempotency_key), m.SpaceView
        )

    async def withdraw_invitation(
        self, space_id: str, person_id: str, *, to: m.InvitedTo = "speak", idempotency_key: str | None = None
    ) -> m.SpaceView:
        """Take an invitation back: to speak, or to join. Whoever is there already stays."""
        return await self._calls.answer(
            Request(
                "DELETE",
                f"/v1/spaces/{quoted(space_id)}/invitations/{quoted(person_id)}",
                query={"to": to},
                key=idempotency_key,
            ),
            m.SpaceView,
        )

    async def invited_people(self, space_id: str, *, limit: int = 100, after: str = "") -> m.SpacePeople:
        """Everybody who is invited, for the hosts, a page at a time."""
        return await self._calls.answer(
            Request("GET", f"/v1/spaces/{quoted(space_id)}/invited", query={"limit": limit, "after": after}),
            m.SpacePeople,
        )

    async def choose_language(
        self, space_id: str, body: m.OwnLanguage, *, idempotency_key: str | None = None
    ) -> m.SpaceView:
        """Say on stage what one speaks, for one's captions; it holds from what one says next."""
        return await self._calls.answer(
            Request("PUT", f"/v1/spaces/{quoted(space_id)}/languages/me", body=body, key=idempotency_key), m.SpaceView
        )

    async def mute_all(self, space_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """A host mutes everybody else on stage."""
        return await self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/mute-all", key=idempotency_key), m.SpaceView
        )

    async def pin(self, space_id: str, body: m.NewPin, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Pin a link for everybody; for people on stage."""
        return await self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/pins", body=body, key=idempotency_key), m.SpaceView
        )

    async def unpin(self, space_id: str, pin_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Take a link away: one's own, or as a host any."""
        return await self._calls.answer(
            Request("DELETE", f"/v1/spaces/{quoted(space_id)}/pins/{quoted(pin_id)}", key=idempotency_key), m.SpaceView
        )

    async def react(self, space_id: str, body: m.NewReaction, *, idempotency_key: str | None = None) -> None:
        """React."""
        await self._calls.nothing(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/reactions", body=body, key=idempotency_key)
        )

    async def removed_people(self, space_id: str, *, limit: int = 100, after: str = "") -> m.SpacePeople:
        """Everybody who is out, for the hosts, a page at a time."""
        return await self._calls.answer(
            Request("GET", f"/v1/spaces/{quoted(space_id)}/removals", query={"limit": limit, "after": after}),
            m.SpacePeople,
        )

    async def remove_person(
        self, space_id: str, body: m.NewRemoval, *, idempotency_key: str | None = None
    ) -> m.SpaceView:
        """Remove somebody for good."""
        return await self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/removals", body=body, key=idempotency_key), m.SpaceView
        )

    async def readmit_person(self, space_id: str, person_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Undo a removal."""
        return await self._calls.answer(
            Request("DELETE", f"/v1/spaces/{quoted(space_id)}/removals/{quoted(person_id)}", key=idempotency_key),
            m.SpaceView,
        )

    async def request_to_speak(
        self, space_id: str, body: m.NewRequest | None = None, *, idempotency_key: str | None = None
    ) -> m.SpaceView:
        """Ask to speak."""
        return await self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/requests", body=body, key=idempotency_key), m.SpaceView
        )

    async def cancel_request(self, space_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Leave the queue."""
        return await self._calls.answer(
            Request("DELETE", f"/v1/spaces/{quoted(space_id)}/requests/me", key=idempotency_key), m.SpaceView
        )

    async def accept_request(self, space_id: str, person_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Let somebody in."""
        return await self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/requests/{quoted(person_id)}/accept", key=idempotency_key),
            m.SpaceView,
        )

    async def decline_request(
        self, space_id: str, person_id: str, *, idempotency_key: str | None = None
    ) -> m.SpaceView:
        """Say no."""
        return await self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/requests/{quoted(person_id)}/decline", key=idempotency_key),
            m.SpaceView,
        )

    async def leave_stage(self, space_id: str, person_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Step down, or as a host move somebody back to the listeners."""
        return await self._calls.answer(
            Request("DELETE", f"/v1/spaces/{quoted(space_id)}/stage/{quoted(person_id)}", key=idempotency_key),
            m.SpaceView,
        )

    async def mute(self, space_id: str, person_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Mute oneself, or as a host anybody."""
        return await self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/stage/{quoted(person_id)}/mute", key=idempotency_key),
            m.SpaceView,
        )

    async def unmute(self, space_id: str, person_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Open one's own microphone."""
        return await self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/stage/{quoted(person_id)}/unmute", key=idempotency_key),
            m.SpaceView,
        )

    async def change_words(self, space_id: str, body: m.WordList, *, idempotency_key: str | None = None) -> m.SpaceView:
        """A host or co-host chooses the word list anew; it helps with what is said next."""
        return await self._calls.answer(
            Request("PUT", f"/v1/spaces/{quoted(space_id)}/words", body=body, key=idempotency_key), m.SpaceView
        )

    async def topics(self) -> m.Topics:
        """What a Space may be about."""
        return await self._calls.answer(Request("GET", "/v1/topics"), m.Topics)
