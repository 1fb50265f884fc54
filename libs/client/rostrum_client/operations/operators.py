"""Operations on operators. Written from the contracts by `make contracts`; do not edit."""

from __future__ import annotations

from rostrum_client import models as m
from rostrum_client.request import AsyncCalls, Calls, Request, quoted


class Operators:
    """Asks and waits."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def healthz(self) -> dict[str, str]:
        """This process runs."""
        return self._calls.answer(Request("GET", "/healthz"), dict[str, str])

    def readyz(self) -> dict[str, str]:
        """It can do its work."""
        return self._calls.answer(Request("GET", "/readyz"), dict[str, str])

    def pass_over_event(self, body: m.PassedOver, *, idempotency_key: str | None = None) -> None:
        """Let whoever stands before an event that they cannot read go on without it; the log says so."""
        self._calls.nothing(Request("POST", "/v1/ops/events/pass-over", body=body, key=idempotency_key))

    def get_hosting_policy(self) -> m.HostingPolicy:
        """Who may host; no secret."""
        return self._calls.answer(Request("GET", "/v1/ops/hosting-policy"), m.HostingPolicy)

    def change_hosting_policy(self, body: m.NewPolicy, *, idempotency_key: str | None = None) -> m.HostingPolicy:
        """Choose who may host from now on."""
        return self._calls.answer(
            Request("PUT", "/v1/ops/hosting-policy", body=body, key=idempotency_key), m.HostingPolicy
        )

    def get_invitations(self) -> m.InvitationCodes:
        """The codes to sign up with."""
        return self._calls.answer(Request("GET", "/v1/ops/invitations"), m.InvitationCodes)

    def issue_invitation(self, body: m.NewCode, *, idempotency_key: str | None = None) -> m.InvitationCode:
        """Make a code to sign up with."""
        return self._calls.answer(
            Request("POST", "/v1/ops/invitations", body=body, key=idempotency_key), m.InvitationCode
        )

    def revoke_invitation(self, code: str, *, idempotency_key: str | None = None) -> m.InvitationCode:
        """Make a code worthless."""
        return self._calls.answer(
            Request("DELETE", f"/v1/ops/invitations/{quoted(code)}", key=idempotency_key), m.InvitationCode
        )

    def get_appeals(
        self, *, state: m.AppealState | None = None, cursor: str | None = None, limit: int = 50
    ) -> m.Appeals:
        """Appeals, newest first; those who are no operators see their own."""
        return self._calls.answer(
            Request("GET", "/v1/ops/moderation/appeals", query={"state": state, "cursor": cursor, "limit": limit}),
            m.Appeals,
        )

    def decide_appeal(self, person_id: str, body: m.Verdict, *, idempotency_key: str | None = None) -> m.Appeal:
        """Grant somebody's open appeal, which ends their suspension, or reject it."""
        return self._calls.answer(
            Request("POST", f"/v1/ops/moderation/appeals/{quoted(person_id)}", body=body, key=idempotency_key), m.Appeal
        )

    def get_moderation_log(
        self, *, person_id: str | None = None, space_id: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> m.LogPage:
        """Who did what to whom, when and why, newest first: operators everywhere, hosts in their Spaces."""
        return self._calls.answer(
            Request(
                "GET",
                "/v1/ops/moderation/log",
                query={"person_id": person_id, "space_id": space_id, "cursor": cursor, "limit": limit},
            ),
            m.LogPage,
        )

    def undo_act(self, entry_id: str, body: m.Because | None = None, *, idempotency_key: str | None = None) -> None:
        """Take an act back, where it can be."""
        self._calls.nothing(
            Request("POST", f"/v1/ops/moderation/log/{quoted(entry_id)}/undo", body=body, key=idempotency_key)
        )

    def get_reports(
        self,
        *,
        state: m.ReportState | None = None,
        person_id: str | None = None,
        space_id: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> m.Reports:
        """Reports, newest first."""
        return self._calls.answer(
            Request(
                "GET",
                "/v1/ops/moderation/reports",
                query={"state": state, "person_id": person_id, "space_id": space_id, "cursor": cursor, "limit": limit},
            ),
            m.Reports,
        )

    def close_report(self, report_id: str, body: m.Closing, *, idempotency_key: str | None = None) -> m.Report:
        """Dismiss a report, or say that something was done."""
        return self._calls.answer(
            Request("POST", f"/v1/ops/moderation/reports/{quoted(report_id)}/close", body=body, key=idempotency_key),
            m.Report,
        )

    def get_report_evidence(self, report_id: str) -> m.ReportEvidence:
        """What was reported, as it was then. That it is read is put on the log."""
        return self._calls.answer(
            Request("GET", f"/v1/ops/moderation/reports/{quoted(report_id)}/evidence"), m.ReportEvidence
        )

    def hear_report_evidence(self, report_id: str, piece: str) -> bytes:
        """The sound of a piece; ranges are served. All that one operator asks for within an hour is one look."""
        return self._calls.content(
            Request("GET", f"/v1/ops/moderation/reports/{quoted(report_id)}/evidence/{quoted(piece)}.m4a")
        )

    def reopen_report(
        self, report_id: str, body: m.Because | None = None, *, idempotency_key: str | None = None
    ) -> m.Report:
        """Look at a report again."""
        return self._calls.answer(
            Request("POST", f"/v1/ops/moderation/reports/{quoted(report_id)}/reopen", body=body, key=idempotency_key),
            m.Report,
        )

    def get_overview(self) -> m.OverviewFigures:
        """The instance now: services, live Spaces, people, media."""
        return self._calls.answer(Request("GET", "/v1/ops/overview"), m.OverviewFigures)

    def delete_person(self, person_id: str, body: m.Confirmed, *, idempotency_key: str | None = None) -> m.Erasure:
        """Delete somebody's account for ever. The log keeps ids, and reports keep what was reported."""
        return self._calls.answer(
            Request("DELETE", f"/v1/ops/people/{quoted(person_id)}", body=body, key=idempotency_key), m.Erasure
        )

    def get_erasure(self, person_id: str) -> m.Erasure:
        """How far somebody's erasure is."""
        return self._calls.answer(Request("GET", f"/v1/ops/people/{quoted(person_id)}/erasure"), m.Erasure)

    def export_person(self, person_id: str) -> bytes:
        """A copy of everything that there is about somebody, for operators. That it is made is put on the log."""
        return self._calls.content(Request("GET", f"/v1/ops/people/{quoted(person_id)}/export"))

    def withdraw_hosting(self, person_id: str, *, idempotency_key: str | None = None) -> None:
        """Take somebody off the list of those who may host."""
        self._calls.nothing(Request("DELETE", f"/v1/ops/people/{quoted(person_id)}/hosting", key=idempotency_key))

    def may_they_host(self, person_id: str, *, platform: str = "web") -> m.HostingAnswer:
        """Whether somebody may host."""
        return self._calls.answer(
            Request("GET", f"/v1/ops/people/{quoted(person_id)}/hosting", query={"platform": platform}), m.HostingAnswer
        )

    def allow_hosting(self, person_id: str, *, idempotency_key: str | None = None) -> None:
        """Put somebody on the list of those who may host."""
        self._calls.nothing(Request("PUT", f"/v1/ops/people/{quoted(person_id)}/hosting", key=idempotency_key))

    def take_picture_away(
        self, person_id: str, body: m.Because | None = None, *, idempotency_key: str | None = None
    ) -> None:
        """Remove somebody's picture, for good: it is shown nowhere from then on. They may have another one."""
        self._calls.nothing(
            Request("DELETE", f"/v1/ops/people/{quoted(person_id)}/picture", body=body, key=idempotency_key)
        )

    def reinstate(self, person_id: str, body: m.Because | None = None, *, idempotency_key: str | None = None) -> None:
        """End somebody's suspension."""
        self._calls.nothing(
            Request("POST", f"/v1/ops/people/{quoted(person_id)}/reinstate", body=body, key=idempotency_key)
        )

    def suspend(self, person_id: str, body: m.NewSuspension, *, idempotency_key: str | None = None) -> None:
        """Refuse somebody everywhere, at once."""
        self._calls.nothing(
            Request("POST", f"/v1/ops/people/{quoted(person_id)}/suspend", body=body, key=idempotency_key)
        )

    def revoke_tokens_of(self, person_id: str, *, idempotency_key: str | None = None) -> None:
        """Take back all tokens of somebody; they may sign in again, which suspending them would prevent."""
        self._calls.nothing(Request("DELETE", f"/v1/ops/people/{quoted(person_id)}/tokens", key=idempotency_key))

    def get_live_spaces(self, *, after: str = "", limit: int = 100) -> m.LivePage:
        """Everything that is live, invitation-only Spaces too, a page at a time."""
        return self._calls.answer(Request("GET", "/v1/ops/spaces", query={"after": after, "limit": limit}), m.LivePage)

    def end_space_by_platform(
        self, space_id: str, body: m.Sanction, *, idempotency_key: str | None = None
    ) -> m.SpaceView:
        """End a Space, at once."""
        return self._calls.answer(
            Request("POST", f"/v1/ops/spaces/{quoted(space_id)}/end", body=body, key=idempotency_key), m.SpaceView
        )

    def get_space_quality(self, space_id: str) -> tuple[m.SpaceConnections, ...]:
        """How a Space's connections fare now, at each media node that has listeners of it; the worst of them singly."""
        return self._calls.answer(
            Request("GET", f"/v1/ops/spaces/{quoted(space_id)}/quality"), tuple[m.SpaceConnections, ...]
        )

    def hear_safety_copy(self, space_id: str, *, report: str) -> bytes:
        """The mix; ranges are served."""
        return self._calls.content(
            Request("GET", f"/v1/ops/spaces/{quoted(space_id)}/safety-copy.m4a", query={"report": report})
        )

    def hear_safety_copy_of(self, space_id: str, person_id: str, *, report: str) -> bytes:
        """What one person said; ranges are served."""
        return self._calls.content(
            Request(
                "GET",
                f"/v1/ops/spaces/{quoted(space_id)}/safety-copy/{quoted(person_id)}.ogg",
                query={"report": report},
            )
        )

    def revoke_token(self, body: m.Leaked, *, idempotency_key: str | None = None) -> None:
        """Take back one token, whoever's it is."""
        self._calls.nothing(Request("POST", "/v1/ops/tokens/revoke", body=body, key=idempotency_key))


class AsyncOperators:
    """The same as coroutines."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    async def healthz(self) -> dict[str, str]:
        """This process runs."""
        return await self._calls.answer(Request("GET", "/healthz"), dict[str, str])

    async def readyz(self) -> dict[str, str]:
        """It can do its work."""
        return await self._calls.answer(Request("GET", "/readyz"), dict[str, str])

    async def pass_over_event(self, body: m.PassedOver, *, idempotency_key: str | None = None) -> None:
        """Let whoever stands before an event that they cannot read go on without it; the log says so."""
        await self._calls.nothing(Request("POST", "/v1/ops/events/pass-over", body=body, key=idempotency_key))

    async def get_hosting_policy(self) -> m.HostingPolicy:
        """Who may host; no secret."""
        return await self._calls.answer(Request("GET", "/v1/ops/hosting-policy"), m.HostingPolicy)

    async def change_hosting_policy(self, body: m.NewPolicy, *, idempotency_key: str | None = None) -> m.HostingPolicy:
        """Choose who may host from now on."""
        return await self._calls.answer(
            Request("PUT", "/v1/ops/hosting-policy", body=body, key=idempotency_key), m.HostingPolicy
        )

    async def get_invitations(self) -> m.InvitationCodes:
        """The codes to sign up with."""
        return await self._calls.answer(Request("GET", "/v1/ops/invitations"), m.InvitationCodes)

    async def issue_invitation(self, body: m.NewCode, *, idempotency_key: str | None = None) -> m.InvitationCode:
        """Make a code to sign up with."""
        return await self._calls.answer(
            Request("POST", "/v1/ops/invitations", body=body, key=idempotency_key), m.InvitationCode
        )

    async def revoke_invitation(self, code: str, *, idempotency_key: str | None = None) -> m.InvitationCode:
        """Make a code worthless."""
        return await self._calls.answer(
            Request("DELETE", f"/v1/ops/invitations/{quoted(code)}", key=idempotency_key), m.InvitationCode
        )

    async def get_appeals(
        self, *, state: m.AppealState | None = None, cursor: str | None = None, limit: int = 50
    ) -> m.Appeals:
        """Appeals, newest first; those who are no operators see their own."""
        return await self._calls.answer(
            Request("GET", "/v1/ops/moderation/appeals", query={"state": state, "cursor": cursor, "limit": limit}),
            m.Appeals,
        )

    async def decide_appeal(self, person_id: str, body: m.Verdict, *, idempotency_key: str | None = None) -> m.Appeal:
        """Grant somebody's open appeal, which ends their suspension, or reject it."""
        return await self._calls.answer(
            Request("POST", f"/v1/ops/moderation/appeals/{quoted(person_id)}", body=body, key=idempotency_key), m.Appeal
        )

    async def get_moderation_log(
        self, *, person_id: str | None = None, space_id: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> m.LogPage:
        """Who did what to whom, when and why, newest first: operators everywhere, hosts in their Spaces."""
        return await self._calls.answer(
            Request(
                "GET",
                "/v1/ops/moderation/log",
                query={"person_id": person_id, "space_id": space_id, "cursor": cursor, "limit": limit},
            ),
            m.LogPage,
        )

    async def undo_act(
        self, entry_id: str, body: m.Because | None = None, *, idempotency_key: str | None = None
    ) -> None:
        """Take an act back, where it can be."""
        await self._calls.nothing(
            Request("POST", f"/v1/ops/moderation/log/{quoted(entry_id)}/undo", body=body, key=idempotency_key)
        )

    async def get_reports(
        self,
        *,
        state: m.ReportState | None = None,
        person_id: str | None = None,
        space_id: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> m.Reports:
        """Reports, newest first."""
        return await self._calls.answer(
            Request(
                "GET",
                "/v1/ops/moderation/reports",
                query={"state": state, "person_id": person_id, "space_id": space_id, "cursor": cursor, "limit": limit},
            ),
            m.Reports,
        )

    async def close_report(self, report_id: str, body: m.Closing, *, idempotency_key: str | None = None) -> m.Report:
        """Dismiss a report, or say that something was done."""
        return await self._calls.answer(
            Request("POST", f"/v1/ops/moderation/reports/{quoted(report_id)}/close", body=body, key=idempotency_key),
            m.Report,
        )

    async def get_report_evidence(self, report_id: str) -> m.ReportEvidence:
        """What was reported, as it was then. That it is read is put on the log."""
        return await self._calls.answer(
            Request("GET", f"/v1/ops/moderation/reports/{quoted(report_id)}/evidence"), m.ReportEvidence
        )

    async def hear_report_evidence(self, report_id: str, piece: str) -> bytes:
        """The sound of a piece; ranges are served. All that one operator asks for within an hour is one look."""
        return await self._calls.content(
            Request("GET", f"/v1/ops/moderation/reports/{quoted(report_id)}/evidence/{quoted(piece)}.m4a")
        )

    async def reopen_report(
        self, report_id: str, body: m.Because | None = None, *, idempotency_key: str | None = None
    ) -> m.Report:
        """Look at a report again."""
        return await self._calls.answer(
            Request("POST", f"/v1/ops/moderation/reports/{quoted(report_id)}/reopen", body=body, key=idempotency_key),
            m.Report,
        )

    async def get_overview(self) -> m.OverviewFigures:
        """The instance now: services, live Spaces, people, media."""
        return await self._calls.answer(Request("GET", "/v1/ops/overview"), m.OverviewFigures)

    async def delete_person(
        self, person_id: str, body: m.Confirmed, *, idempotency_key: str | None = None
    ) -> m.Erasure:
        """Delete somebody's account for ever. The log keeps ids, and reports keep what was reported."""
        return await self._calls.answer(
            Request("DELETE", f"/v1/ops/people/{quoted(person_id)}", body=body, key=idempotency_key), m.Erasure
        )

    async def get_erasure(self, person_id: str) -> m.Erasure:
        """How far somebody's erasure is."""
        return await self._calls.answer(Request("GET", f"/v1/ops/people/{quoted(person_id)}/erasure"), m.Erasure)

    async def export_person(self, person_id: str) -> bytes:
        """A copy of everything that there is about somebody, for operators. That it is made is put on the log."""
        return await self._calls.content(Request("GET", f"/v1/ops/people/{quoted(person_id)}/export"))

    async def withdraw_hosting(self, person_id: str, *, idempotency_key: str | None = None) -> None:
        """Take somebody off the list of those who may host."""
        await self._calls.nothing(Request("DELETE", f"/v1/ops/people/{quoted(person_id)}/hosting", key=idempotency_key))

    async def may_they_host(self, person_id: str, *, platform: str = "web") -> m.HostingAnswer:
        """Whether somebody may host."""
        return await self._calls.answer(
            Request("GET", f"/v1/ops/people/{quoted(person_id)}/hosting", query={"platform": platform}), m.HostingAnswer
        )

    async def allow_hosting(self, person_id: str, *, idempotency_key: str | None = None) -> None:
        """Put somebody on the list of those who may host."""
        await self._calls.nothing(Request("PUT", f"/v1/ops/people/{quoted(person_id)}/hosting", key=idempotency_key))

    async def take_picture_away(
        self, person_id: str, body: m.Because | None = None, *, idempotency_key: str | None = None
    ) -> None:
        """Remove somebody's picture, for good: it is shown nowhere from then on. They may have another one."""
        await self._calls.nothing(
            Request("DELETE", f"/v1/ops/people/{quoted(person_id)}/picture", body=body, key=idempotency_key)
        )

    async def reinstate(
        self, person_id: str, body: m.Because | None = None, *, idempotency_key: str | None = None
    ) -> None:
        """End somebody's suspension."""
        await self._calls.nothing(
            Request("POST", f"/v1/ops/people/{quoted(person_id)}/reinstate", body=body, key=idempotency_key)
        )

    async def suspend(self, person_id: str, body: m.NewSuspension, *, idempotency_key: str | None = None) -> None:
        """Refuse somebody everywhere, at once."""
        await self._calls.nothing(
            Request("POST", f"/v1/ops/people/{quoted(person_id)}/suspend", body=body, key=idempotency_key)
        )

    async def revoke_tokens_of(self, person_id: str, *, idempotency_key: str | None = None) -> None:
        """Take back all tokens of somebody; they may sign in again, which suspending them would prevent."""
        await self._calls.nothing(Request("DELETE", f"/v1/ops/people/{quoted(person_id)}/tokens", key=idempotency_key))

    async def get_live_spaces(self, *, after: str = "", limit: int = 100) -> m.LivePage:
        """Everything that is live, invitation-only Spaces too, a page at a time."""
        return await self._calls.answer(
            Request("GET", "/v1/ops/spaces", query={"after": after, "limit": limit}), m.LivePage
        )

    async def end_space_by_platform(
        self, space_id: str, body: m.Sanction, *, idempotency_key: str | None = None
    ) -> m.SpaceView:
        """End a Space, at once."""
        return await self._calls.answer(
            Request("POST", f"/v1/ops/spaces/{quoted(space_id)}/end", body=body, key=idempotency_key), m.SpaceView
        )

    async def get_space_quality(self, space_id: str) -> tuple[m.SpaceConnections, ...]:
        """How a Space's connections fare now, at each media node that has listeners of it; the worst of them singly."""
        return await self._calls.answer(
            Request("GET", f"/v1/ops/spaces/{quoted(space_id)}/quality"), tuple[m.SpaceConnections, ...]
        )

    async def hear_safety_copy(self, space_id: str, *, report: str) -> bytes:
        """The mix; ranges are served."""
        return await self._calls.content(
            Request("GET", f"/v1/ops/spaces/{quoted(space_id)}/safety-copy.m4a", query={"report": report})
        )

    async def hear_safety_copy_of(self, space_id: str, person_id: str, *, report: str) -> bytes:
        """What one person said; ranges are served."""
        return await self._calls.content(
            Request(
                "GET",
                f"/v1/ops/spaces/{quoted(space_id)}/safety-copy/{quoted(person_id)}.ogg",
                query={"report": report},
            )
        )

    async def revoke_token(self, body: m.Leaked, *, idempotency_key: str | None = None) -> None:
        """Take back one token, whoever's it is."""
        await self._calls.nothing(Request("POST", "/v1/ops/tokens/revoke", body=body, key=idempotency_key))
