"""Operations on recordings. Written from the contracts by `make contracts`; do not edit."""

from __future__ import annotations

from datetime import datetime

from rostrum_client import models as m
from rostrum_client.request import AsyncCalls, Calls, Request, quoted


class Recordings:
    """Asks and waits."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def get_caption_languages(self) -> m.Languages:
        """What languages there are captions in; whoever speaks another one has none."""
        return self._calls.answer(Request("GET", "/v1/captions/languages"), m.Languages)

    def make_link(self, body: m.Wanted, *, idempotency_key: str | None = None) -> m.SignedLink:
        """Make a link that opens one file as oneself for a quarter of an hour, or a playlist for six hours.

        Whether one may have the file is decided when the link is used: whoever is suspended may have their data alone.
        """
        return self._calls.answer(Request("POST", "/v1/links", body=body, key=idempotency_key), m.SignedLink)

    def get_chapters(self, space_id: str) -> m.Chapters:
        """The chapters of the replay, as its host set them; none until then."""
        return self._calls.answer(Request("GET", f"/v1/spaces/{quoted(space_id)}/chapters"), m.Chapters)

    def set_chapters(self, space_id: str, body: m.NewChapters, *, idempotency_key: str | None = None) -> None:
        """The host sets the chapters, in place of those before; an empty list removes them."""
        self._calls.nothing(Request("PUT", f"/v1/spaces/{quoted(space_id)}/chapters", body=body, key=idempotency_key))

    def get_chapters_file(self, space_id: str, format_: str) -> bytes:
        """The chapters as players read them: JSON as in Podcasting 2.0, or WebVTT."""
        return self._calls.content(Request("GET", f"/v1/spaces/{quoted(space_id)}/chapters.{quoted(format_)}"))

    def propose_chapters(self, space_id: str) -> m.Chapters:
        """For the host, chapters that the replay could have: where something was pinned, and where somebody else leads the
        talk. Nobody else is shown them before the host sets them.
        """
        return self._calls.answer(Request("GET", f"/v1/spaces/{quoted(space_id)}/chapters/proposed"), m.Chapters)

    def allow_downloads(self, space_id: str, body: m.Allowed, *, idempotency_key: str | None = None) -> None:
        """The host lets everybody who may play the replay download it, or keeps that to themselves, as it is at first."""
        self._calls.nothing(Request("PUT", f"/v1/spaces/{quoted(space_id)}/downloads", body=body, key=idempotency_key))

    def download_mix(self, space_id: str, form: str) -> bytes:
        """The mix as a file, where the host lets the asker have it; ranges are served.

        A file is made when it is first asked for. Until it is there the answer is 409, `not_ready`: ask again.
        """
        return self._calls.content(Request("GET", f"/v1/spaces/{quoted(space_id)}/downloads/mix.{quoted(form)}"))

    def download_track(self, space_id: str, person_id: str) -> bytes:
        """One speaker's own audio as a file, where the host lets the asker have it; ranges are served."""
        return self._calls.content(
            Request("GET", f"/v1/spaces/{quoted(space_id)}/downloads/tracks/{quoted(person_id)}.opus")
        )

    def delete_replay(self, space_id: str, *, idempotency_key: str | None = None) -> None:
        """The host deletes the replay, its tracks and its transcript; again is fine."""
        self._calls.nothing(Request("DELETE", f"/v1/spaces/{quoted(space_id)}/replay", key=idempotency_key))

    def get_replay(self, space_id: str) -> m.ReplayView:
        """How far the replay is, and where its parts are."""
        return self._calls.answer(Request("GET", f"/v1/spaces/{quoted(space_id)}/replay"), m.ReplayView)

    def get_mix(self, space_id: str) -> bytes:
        """The mix; ranges are served."""
        return self._calls.content(Request("GET", f"/v1/spaces/{quoted(space_id)}/replay.m4a"))

    def get_track(self, space_id: str, person_id: str) -> bytes:
        """One speaker's own audio; ranges are served."""
        return self._calls.content(Request("GET", f"/v1/spaces/{quoted(space_id)}/tracks/{quoted(person_id)}.ogg"))

    def delete_transcript(self, space_id: str, *, idempotency_key: str | None = None) -> None:
        """The host deletes the transcript, and keeps the replay; again is fine."""
        self._calls.nothing(Request("DELETE", f"/v1/spaces/{quoted(space_id)}/transcript", key=idempotency_key))

    def get_transcript(self, space_id: str) -> m.Transcript:
        """Every final caption so far."""
        return self._calls.answer(Request("GET", f"/v1/spaces/{quoted(space_id)}/transcript"), m.Transcript)

    def get_transcript_file(self, space_id: str, format_: str) -> bytes:
        """The transcript as a file: WebVTT, SubRip, plain text or JSON."""
        return self._calls.content(Request("GET", f"/v1/spaces/{quoted(space_id)}/transcript.{quoted(format_)}"))

    def delete_caption(self, space_id: str, caption_id: str, *, idempotency_key: str | None = None) -> None:
        """Who said it, or the host, deletes it for good; again is fine."""
        self._calls.nothing(
            Request(
                "DELETE", f"/v1/spaces/{quoted(space_id)}/transcript/captions/{quoted(caption_id)}", key=idempotency_key
            )
        )

    def correct_caption(
        self, space_id: str, caption_id: str, body: m.Corrected, *, idempotency_key: str | None = None
    ) -> None:
        """The host puts other words in place of what was heard; what was heard takes that back."""
        self._calls.nothing(
            Request(
                "PATCH",
                f"/v1/spaces/{quoted(space_id)}/transcript/captions/{quoted(caption_id)}",
                body=body,
                key=idempotency_key,
            )
        )

    def reject_correction(self, space_id: str, caption_id: str, *, idempotency_key: str | None = None) -> None:
        """The speaker has what was heard shown instead of the host's words, for good; again is fine."""
        self._calls.nothing(
            Request(
                "DELETE",
                f"/v1/spaces/{quoted(space_id)}/transcript/captions/{quoted(caption_id)}/correction",
                key=idempotency_key,
            )
        )

    def search_transcripts(
        self,
        *,
        q: str = "",
        speaker: str | None = None,
        space: str | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        cursor: str | None = None,
        limit: int = 20,
    ) -> m.SentencePage:
        """Sentences that were said in Spaces, live or over, whose transcript one may read: each with its neighbours and
        the second to jump to, best first.
        """
        return self._calls.answer(
            Request(
                "GET",
                "/v1/transcripts/search",
                query={
                    "q": q,
                    "speaker": speaker,
                    "space": space,
                    "from": from_,
                    "to": to,
                    "cursor": cursor,
                    "limit": limit,
                },
            ),
            m.SentencePage,
        )


class AsyncRecordings:
    """The same as coroutines."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    async def get_caption_languages(self) -> m.Languages:
        """What languages there are captions in; whoever speaks another one has none."""
        return await self._calls.answer(Request("GET", "/v1/captions/languages"), m.Languages)

    async def make_link(self, body: m.Wanted, *, idempotency_key: str | None = None) -> m.SignedLink:
        """Make a link that opens one file as oneself for a quarter of an hour, or a playlist for six hours.

        Whether one may have the file is decided when the link is used: whoever is suspended may have their data alone.
        """
        return await self._calls.answer(Request("POST", "/v1/links", body=body, key=idempotency_key), m.SignedLink)

    async def get_chapters(self, space_id: str) -> m.Chapters:
        """The chapters of the replay, as its host set them; none until then."""
        return await self._calls.answer(Request("GET", f"/v1/spaces/{quoted(space_id)}/chapters"), m.Chapters)

    async def set_chapters(self, space_id: str, body: m.NewChapters, *, idempotency_key: str | None = None) -> None:
        """The host sets the chapters, in place of those before; an empty list removes them."""
        await self._calls.nothing(
            Request("PUT", f"/v1/spaces/{quoted(space_id)}/chapters", body=body, key=idempotency_key)
        )

    async def get_chapters_file(self, space_id: str, format_: str) -> bytes:
        """The chapters as players read them: JSON as in Podcasting 2.0, or WebVTT."""
        return await self._calls.content(Request("GET", f"/v1/spaces/{quoted(space_id)}/chapters.{quoted(format_)}"))

    async def propose_chapters(self, space_id: str) -> m.Chapters:
        """For the host, chapters that the replay could have: where something was pinned, and where somebody else leads the
        talk. Nobody else is shown them before the host sets them.
        """
        return await self._calls.answer(Request("GET", f"/v1/spaces/{quoted(space_id)}/chapters/proposed"), m.Chapters)

    async def allow_downloads(self, space_id: str, body: m.Allowed, *, idempotency_key: str | None = None) -> None:
        """The host lets everybody who may play the replay download it, or keeps that to themselves, as it is at first."""
        await self._calls.nothing(
            Request("PUT", f"/v1/spaces/{quoted(space_id)}/downloads", body=body, key=idempotency_key)
        )

    async def download_mix(self, space_id: str, form: str) -> bytes:
        """The mix as a file, where the host lets the asker have it; ranges are served.

        A file is made when it is first asked for. Until it is there the answer is 409, `not_ready`: ask again.
        """
        return await self._calls.content(Request("GET", f"/v1/spaces/{quoted(space_id)}/downloads/mix.{quoted(form)}"))

    async def download_track(self, space_id: str, person_id: str) -> bytes:
        """One speaker's own audio as a file, where the host lets the asker have it; ranges are served."""
        return await self._calls.content(
            Request("GET", f"/v1/spaces/{quoted(space_id)}/downloads/tracks/{quoted(person_id)}.opus")
        )

    async def delete_replay(self, space_id: str, *, idempotency_key: str | None = None) -> None:
        """The host deletes the replay, its tracks and its transcript; again is fine."""
        await self._calls.nothing(Request("DELETE", f"/v1/spaces/{quoted(space_id)}/replay", key=idempotency_key))

    async def get_replay(self, space_id: str) -> m.ReplayView:
        """How far the replay is, and where its parts are."""
        return await self._calls.answer(Request("GET", f"/v1/spaces/{quoted(space_id)}/replay"), m.ReplayView)

    async def get_mix(self, space_id: str) -> bytes:
        """The mix; ranges are served."""
        return await self._calls.content(Request("GET", f"/v1/spaces/{quoted(space_id)}/replay.m4a"))

    async def get_track(self, space_id: str, person_id: str) -> bytes:
        """One speaker's own audio; ranges are served."""
        return await self._calls.content(
            Request("GET", f"/v1/spaces/{quoted(space_id)}/tracks/{quoted(person_id)}.ogg")
        )

    async def delete_transcript(self, space_id: str, *, idempotency_key: str | None = None) -> None:
        """The host deletes the transcript, and keeps the replay; again is fine."""
        await self._calls.nothing(Request("DELETE", f"/v1/spaces/{quoted(space_id)}/transcript", key=idempotency_key))

    async def get_transcript(self, space_id: str) -> m.Transcript:
        """Every final caption so far."""
        return await self._calls.answer(Request("GET", f"/v1/spaces/{quoted(space_id)}/transcript"), m.Transcript)

    async def get_transcript_file(self, space_id: str, format_: str) -> bytes:
        """The transcript as a file: WebVTT, SubRip, plain text or JSON."""
        return await self._calls.content(Request("GET", f"/v1/spaces/{quoted(space_id)}/transcript.{quoted(format_)}"))

    async def delete_caption(self, space_id: str, caption_id: str, *, idempotency_key: str | None = None) -> None:
        """Who said it, or the host, deletes it for good; again is fine."""
        await self._calls.nothing(
            Request(
                "DELETE", f"/v1/spaces/{quoted(space_id)}/transcript/captions/{quoted(caption_id)}", key=idempotency_key
            )
        )

    async def correct_caption(
        self, space_id: str, caption_id: str, body: m.Corrected, *, idempotency_key: str | None = None
    ) -> None:
        """The host puts other words in place of what was heard; what was heard takes that back."""
        await self._calls.nothing(
            Request(
                "PATCH",
                f"/v1/spaces/{quoted(space_id)}/transcript/captions/{quoted(caption_id)}",
                body=body,
                key=idempotency_key,
            )
        )

    async def reject_correction(self, space_id: str, caption_id: str, *, idempotency_key: str | None = None) -> None:
        """The speaker has what was heard shown instead of the host's words, for good; again is fine."""
        await self._calls.nothing(
            Request(
                "DELETE",
                f"/v1/spaces/{quoted(space_id)}/transcript/captions/{quoted(caption_id)}/correction",
                key=idempotency_key,
            )
        )

    async def search_transcripts(
        self,
        *,
        q: str = "",
        speaker: str | None = None,
        space: str | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        cursor: str | None = None,
        limit: int = 20,
    ) -> m.SentencePage:
        """Sentences that were said in Spaces, live or over, whose transcript one may read: each with its neighbours and
        the second to jump to, best first.
        """
        return await self._calls.answer(
            Request(
                "GET",
                "/v1/transcripts/search",
                query={
                    "q": q,
                    "speaker": speaker,
                    "space": space,
                    "from": from_,
                    "to": to,
                    "cursor": cursor,
                    "limit": limit,
                },
            ),
            m.SentencePage,
        )
