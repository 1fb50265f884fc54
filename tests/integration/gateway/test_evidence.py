"""What was reported, over HTTP: for operators alone, each look an order, and sound by a link for it alone."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts.commands import Accepted
from contracts.people.v1 import CopiedPiece, CopyState, EvidenceKind, LookAtCopy, ReportedCopy
from contracts.recording.v1 import ReportedSound, ReportedSounds, ReportedSoundsQuery, SoundState
from libs.ids import new_id
from libs.refusal import Refusal
from tests.integration.gateway.backend import Backend, a_person
from tests.integration.gateway.conftest import Running
from tests.integration.gateway.test_replays import AUDIO

AT = datetime(2026, 5, 4, 18, 0, tzinfo=UTC)


async def test_operators_alone_read_and_hear_what_was_reported_and_each_look_is_an_order(
    gateway: Running, behind: Backend
) -> None:
    report, operator_id, speaker = new_id(), new_id(), a_person("Speaker")
    (gateway.var / "recordings").mkdir(parents=True, exist_ok=True)
    (gateway.var / "recordings" / "0.m4a").write_bytes(AUDIO)
    looks: list[LookAtCopy] = []

    async def look(command: LookAtCopy) -> Accepted[ReportedCopy]:
        if not command.operator:
            raise Refusal("unauthenticated" if command.actor is None else "not_allowed", "Not for you.")
        looks.append(command)
        title = CopiedPiece(number=0, kind=EvidenceKind.TITLE, state=CopyState.KEPT, at=AT, title="Hate hour")
        moment = CopiedPiece(
            number=1, kind=EvidenceKind.MOMENT, state=CopyState.KEPT, at=AT, sound_since=AT, sound_until=AT
        )
        copy = ReportedCopy(report_id=report, pieces=(title, moment), people=(speaker,))
        return Accepted(version=3, result=copy)

    async def sounds(query: ReportedSoundsQuery) -> ReportedSounds:
        assert (query.actor, query.operator) == (operator_id, True)
        kept = ReportedSound(
            space_id=new_id(), piece=1, state=SoundState.KEPT, object="0.m4a", seconds=2, people=(speaker,)
        )
        return ReportedSounds(report_id=report, sounds=(kept,))

    behind.on(LookAtCopy, look)
    behind.on(ReportedSoundsQuery, sounds)
    at = f"/v1/ops/moderation/reports/{report}/evidence"
    async with gateway.client(operator_id, operator=True) as operator, gateway.client(speaker.id) as other:
        for _ in range(2):
            shown = (await operator.http.get(at)).json()
        title, moment = shown["pieces"]
        assert (title["title"], title["sound"]) == ("Hate hour", None)
        assert (moment["sound"]["address"], moment["sound"]["people"][0]["name"]) == (f"{at}/1.m4a", speaker.name)
        assert "0.m4a" not in str(shown), "names in the object store are nobody's business"
        assert [one.piece for one in looks] == [None, None]
        assert len({one.command_id for one in looks}) == 2, "each is a look of its own"

        part = await operator.http.get(f"{at}/1.m4a", headers={"range": "bytes=0-9"})
        assert (part.status_code, part.content) == (206, AUDIO[:10])
        link = (await operator.http.post("/v1/links", json={"address": f"{at}/1.m4a"})).json()["url"]
        heard = looks[2:]
        assert {one.piece for one in heard} == {1}
        assert (await operator.http.get(f"{at}/0.m4a")).json()["reason"] == "replay_unknown"
        for address in (at, f"{at}/1.m4a"):
            refused = await other.http.get(address)
            assert (refused.status_code, refused.json()["reason"]) == (403, "not_allowed")
        odd = await operator.http.post("/v1/links", json={"address": at})
        assert odd.status_code == 422, "words are opened by no link"
    async with gateway.client() as nobody:
        for address in (at, f"{at}/1.m4a"):
            assert (await nobody.http.get(address)).status_code == 401
        played = await nobody.http.get(link)
        assert (played.status_code, played.content) == (200, AUDIO)
        assert (await nobody.http.get(link.replace("1.m4a", "0.m4a"))).status_code == 401
