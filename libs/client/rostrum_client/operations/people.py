"""Operations on people. Written from the contracts by `make contracts`; do not edit."""

from __future__ import annotations

from typing import Literal

from rostrum_client import models as m
from rostrum_client.request import AsyncCalls, Calls, Request, quoted


class People:
    """Asks and waits."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def get_identity(self) -> m.HowToSignIn:
        """How to sign in."""
        return self._calls.answer(Request("GET", "/v1/identity"), m.HowToSignIn)

    def delete_me(self, body: m.Confirmed, *, idempotency_key: str | None = None) -> m.Erasure:
        """Delete one's account for ever, also while it is suspended: nothing of it can be had back.

        All tokens open nothing any more from now on, and nobody is shown the person. What they wrote and said is unreadable
        within minutes.
        """
        return self._calls.answer(Request("DELETE", "/v1/me", body=body, key=idempotency_key), m.Erasure)

    def get_me(self) -> m.Person:
        """The signed-in person."""
        return self._calls.answer(Request("GET", "/v1/me"), m.Person)

    def change_profile(self, body: m.NewProfile, *, idempotency_key: str | None = None) -> m.Person:
        """Change one's handle, name, bio or links. Others see it everywhere at once; the old handle is free for them."""
        return self._calls.answer(Request("PATCH", "/v1/me", body=body, key=idempotency_key), m.Person)

    def unblock(self, person_id: str, *, idempotency_key: str | None = None) -> None:
        """Lift a block; fine also where there is none."""
        self._calls.nothing(Request("DELETE", f"/v1/me/blocked/{quoted(person_id)}", key=idempotency_key))

    def block(self, person_id: str, *, idempotency_key: str | None = None) -> None:
        """Block somebody: neither joins the other's Spaces. Again is fine."""
        self._calls.nothing(Request("PUT", f"/v1/me/blocked/{quoted(person_id)}", key=idempotency_key))

    def export_me(self) -> bytes:
        """A copy of everything that there is about oneself, also while one is suspended; a few times an hour.

        A part of the system that is away is named (503): there is no copy without its part. HEAD tells whether it could be
        had, and counts for nothing.
        """
        return self._calls.content(Request("GET", "/v1/me/export"))

    def unfollow(self, person_id: str, *, idempotency_key: str | None = None) -> None:
        """Follow somebody no longer; fine also where one did not."""
        self._calls.nothing(Request("DELETE", f"/v1/me/following/{quoted(person_id)}", key=idempotency_key))

    def follow(self, person_id: str, *, idempotency_key: str | None = None) -> None:
        """Follow somebody; again is fine."""
        self._calls.nothing(Request("PUT", f"/v1/me/following/{quoted(person_id)}", key=idempotency_key))

    def may_ihost(self, *, platform: str = "web") -> m.HostingAnswer:
        """Whether one may host, why not, since when, and whether it would be the first time."""
        return self._calls.answer(Request("GET", "/v1/me/hosting", query={"platform": platform}), m.HostingAnswer)

    def remove_picture(self, *, idempotency_key: str | None = None) -> m.Person:
        """Have no picture any more; again is fine."""
        return self._calls.answer(Request("DELETE", "/v1/me/picture", key=idempotency_key), m.Person)

    def change_picture(
        self,
        body: bytes | str,
        media_type: Literal["image/jpeg", "image/png", "image/webp"],
        *,
        idempotency_key: str | None = None,
    ) -> m.Person:
        """Upload one's picture: JPEG, PNG or WebP, 2 MB at most. Its middle is kept as a square, and nothing of the file
        besides, such as where a photo was taken. Others see it everywhere at once.
        """
        return self._calls.answer(
            Request("PUT", "/v1/me/picture", content=body, media_type=media_type, key=idempotency_key), m.Person
        )

    def change_privacy(self, body: m.NewPrivacy, *, idempotency_key: str | None = None) -> m.Person:
        """Protect one's account, or hide which Spaces one listens to."""
        return self._calls.answer(Request("PUT", "/v1/me/privacy", body=body, key=idempotency_key), m.Person)

    def fill_tip_jar(self, body: m.NewJar, *, idempotency_key: str | None = None) -> m.TipJar:
        """Fill, change or close one's tip jar."""
        return self._calls.answer(Request("PUT", "/v1/me/tip-jar", body=body, key=idempotency_key), m.TipJar)

    def revoke_my_token(self, *, idempotency_key: str | None = None) -> None:
        """Sign out here: the token that is sent opens nothing any more, and what it opened ends."""
        self._calls.nothing(Request("DELETE", "/v1/me/token", key=idempotency_key))

    def revoke_my_tokens(self, *, idempotency_key: str | None = None) -> None:
        """Sign out everywhere: none of one's tokens opens anything any more."""
        self._calls.nothing(Request("DELETE", "/v1/me/tokens", key=idempotency_key))

    def find_people(self, *, q: str, limit: int = 10) -> m.PeopleFound:
        """People by name or handle, to invite them: not oneself, nobody suspended, nobody between whom and oneself is a
        block.
        """
        return self._calls.answer(Request("GET", "/v1/people", query={"q": q, "limit": limit}), m.PeopleFound)

    def sign_up(self, body: m.NewPerson, *, idempotency_key: str | None = None) -> m.SignedUp:
        """Sign up, and get a token (development identity only)."""
        return self._calls.answer(Request("POST", "/v1/people", body=body, key=idempotency_key), m.SignedUp)

    def get_person(self, person_id: str) -> m.Person:
        """One profile."""
        return self._calls.answer(Request("GET", f"/v1/people/{quoted(person_id)}"), m.Person)

    def get_picture(self, person_id: str, *, size: Literal["128", "512"] = "512", v: str | None = None) -> bytes:
        """Somebody's picture, as WebP. Whoever knows its address may have it."""
        return self._calls.content(
            Request("GET", f"/v1/people/{quoted(person_id)}/picture", query={"size": size, "v": v})
        )

    def get_tip_jar(self, person_id: str) -> m.TipJar:
        """A person's tip jar; names only where it is enabled, or for its owner."""
        return self._calls.answer(Request("GET", f"/v1/people/{quoted(person_id)}/tip-jar"), m.TipJar)


class AsyncPeople:
    """The same as coroutines."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    async def get_identity(self) -> m.HowToSignIn:
        """How to sign in."""
        return await self._calls.answer(Request("GET", "/v1/identity"), m.HowToSignIn)

    async def delete_me(self, body: m.Confirmed, *, idempotency_key: str | None = None) -> m.Erasure:
        """Delete one's account for ever, also while it is suspended: nothing of it can be had back.

        All tokens open nothing any more from now on, and nobody is shown the person. What they wrote and said is unreadable
        within minutes.
        """
        return await self._calls.answer(Request("DELETE", "/v1/me", body=body, key=idempotency_key), m.Erasure)

    async def get_me(self) -> m.Person:
        """The signed-in person."""
        return await self._calls.answer(Request("GET", "/v1/me"), m.Person)

    async def change_profile(self, body: m.NewProfile, *, idempotency_key: str | None = None) -> m.Person:
        """Change one's handle, name, bio or links. Others see it everywhere at once; the old handle is free for them."""
        return await self._calls.answer(Request("PATCH", "/v1/me", body=body, key=idempotency_key), m.Person)

    async def unblock(self, person_id: str, *, idempotency_key: str | None = None) -> None:
        """Lift a block; fine also where there is none."""
        await self._calls.nothing(Request("DELETE", f"/v1/me/blocked/{quoted(person_id)}", key=idempotency_key))

    async def block(self, person_id: str, *, idempotency_key: str | None = None) -> None:
        """Block somebody: neither joins the other's Spaces. Again is fine."""
        await self._calls.nothing(Request("PUT", f"/v1/me/blocked/{quoted(person_id)}", key=idempotency_key))

    async def export_me(self) -> bytes:
        """A copy of everything that there is about oneself, also while one is suspended; a few times an hour.

        A part of the system that is away is named (503): there is no copy without its part. HEAD tells whether it could be
        had, and counts for nothing.
        """
        return await self._calls.content(Request("GET", "/v1/me/export"))

    async def unfollow(self, person_id: str, *, idempotency_key: str | None = None) -> None:
        """Follow somebody no longer; fine also where one did not."""
        await self._calls.nothing(Request("DELETE", f"/v1/me/following/{quoted(person_id)}", key=idempotency_key))

    async def follow(self, person_id: str, *, idempotency_key: str | None = None) -> None:
        """Follow somebody; again is fine."""
        await self._calls.nothing(Request("PUT", f"/v1/me/following/{quoted(person_id)}", key=idempotency_key))

    async def may_ihost(self, *, platform: str = "web") -> m.HostingAnswer:
        """Whether one may host, why not, since when, and whether it would be the first time."""
        return await self._calls.answer(Request("GET", "/v1/me/hosting", query={"platform": platform}), m.HostingAnswer)

    async def remove_picture(self, *, idempotency_key: str | None = None) -> m.Person:
        """Have no picture any more; again is fine."""
        return await self._calls.answer(Request("DELETE", "/v1/me/picture", key=idempotency_key), m.Person)

    async def change_picture(
        self,
        body: bytes | str,
        media_type: Literal["image/jpeg", "image/png", "image/webp"],
        *,
        idempotency_key: str | None = None,
    ) -> m.Person:
        """Upload one's picture: JPEG, PNG or WebP, 2 MB at most. Its middle is kept as a square, and nothing of the file
        besides, such as where a photo was taken. Others see it everywhere at once.
        """
        return await self._calls.answer(
            Request("PUT", "/v1/me/picture", content=body, media_type=media_type, key=idempotency_key), m.Person
        )

    async def change_privacy(self, body: m.NewPrivacy, *, idempotency_key: str | None = None) -> m.Person:
        """Protect one's account, or hide which Spaces one listens to."""
        return await self._calls.answer(Request("PUT", "/v1/me/privacy", body=body, key=idempotency_key), m.Person)

    async def fill_tip_jar(self, body: m.NewJar, *, idempotency_key: str | None = None) -> m.TipJar:
        """Fill, change or close one's tip jar."""
        return await self._calls.answer(Request("PUT", "/v1/me/tip-jar", body=body, key=idempotency_key), m.TipJar)

    async def revoke_my_token(self, *, idempotency_key: str | None = None) -> None:
        """Sign out here: the token that is sent opens nothing any more, and what it opened ends."""
        await self._calls.nothing(Request("DELETE", "/v1/me/token", key=idempotency_key))

    async def revoke_my_tokens(self, *, idempotency_key: str | None = None) -> None:
        """Sign out everywhere: none of one's tokens opens anything any more."""
        await self._calls.nothing(Request("DELETE", "/v1/me/tokens", key=idempotency_key))

    async def find_people(self, *, q: str, limit: int = 10) -> m.PeopleFound:
        """People by name or handle, to invite them: not oneself, nobody suspended, nobody between whom and oneself is a
        block.
        """
        return await self._calls.answer(Request("GET", "/v1/people", query={"q": q, "limit": limit}), m.PeopleFound)

    async def sign_up(self, body: m.NewPerson, *, idempotency_key: str | None = None) -> m.SignedUp:
        """Sign up, and get a token (development identity only)."""
        return await self._calls.answer(Request("POST", "/v1/people", body=body, key=idempotency_key), m.SignedUp)

    async def get_person(self, person_id: str) -> m.Person:
        """One profile."""
        return await self._calls.answer(Request("GET", f"/v1/people/{quoted(person_id)}"), m.Person)

    async def get_picture(self, person_id: str, *, size: Literal["128", "512"] = "512", v: str | None = None) -> bytes:
        """Somebody's picture, as WebP. Whoever knows its address may have it."""
        return await self._calls.content(
            Request("GET", f"/v1/people/{quoted(person_id)}/picture", query={"size": size, "v": v})
        )

    async def get_tip_jar(self, person_id: str) -> m.TipJar:
        """A person's tip jar; names only where it is enabled, or for its owner."""
        return await self._calls.answer(Request("GET", f"/v1/people/{quoted(person_id)}/tip-jar"), m.TipJar)
