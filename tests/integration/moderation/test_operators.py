"""Reports, the log, the hosting policy and the platform's hand, over HTTP and before the real services."""

from __future__ import annotations

from typing import Any

import pytest
from httpx import Response

from tests.integration.gateway.client import Client
from tests.integration.moderation.conftest import Instance
from tests.support.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="package")]


def reason(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["reason"]


async def test_a_report_leads_to_the_end_of_a_space(instance: Instance) -> None:
    host, as_host = await instance.sign_up("preacher")
    _, as_guest = await instance.sign_up("witness")
    async with as_host, as_guest, instance.operator() as operator:
        space = (await as_host.http.post("/v1/spaces", json={"title": "Hate hour"})).json()
        assert "hate" in (await as_guest.http.get("/v1/reports/reasons")).json()["reasons"]
        evidence = [{"kind": "moment", "space_id": space["id"], "from_seconds": 1.5}]
        complaint = {"person_id": host["id"], "space_id": space["id"], "reason": "hate", "evidence": evidence}
        key = {"idempotency-key": "once"}
        made = await as_guest.http.post("/v1/reports", json=complaint, headers=key)
        assert made.status_code == 201, made.text
        assert (await as_guest.http.post("/v1/reports", json=complaint, headers=key)).json() == made.json()
        (report,) = (await operator.http.get(f"/v1/ops/moderation/reports?space_id={space['id']}")).json()["reports"]
        assert (report["title"], report["host_id"], report["evidence"][0]["from_seconds"]) == (
            "Hate hour",
            host["id"],
            1.5,
        )
        async with as_guest.events(f"/v1/spaces/{space['id']}/events") as events:
            await events.until("snapshot")
            sanction = {"reason": "hate", "explanation": "Enough.", "report_id": report["id"]}
            ended = await operator.http.post(f"/v1/ops/spaces/{space['id']}/end", json=sanction)
            assert (ended.status_code, ended.json()["state"]) == (200, "ended")
            assert (await events.until("room.ended"))[-1].data["reason"] == "platform"

        async def both() -> list[dict[str, Any]] | None:
            page = (await operator.http.get(f"/v1/ops/moderation/log?space_id={space['id']}")).json()
            return page["entries"] if len(page["entries"]) == 2 else None

        assert {entry["act"] for entry in await eventually(both)} == {"space_end_ordered", "ended"}
        (closed,) = (await operator.http.get(f"/v1/ops/moderation/reports?space_id={space['id']}")).json()["reports"]
        assert closed["state"] == "acted"


async def refused_to_host(client: Client) -> Response | None:
    """How a Space is refused, once room has heard of why."""
    answer = await client.http.post("/v1/spaces", json={"title": "No"})
    return None if answer.status_code == 201 else answer


async def test_who_may_host_changes_while_everything_runs(instance: Instance) -> None:
    person, as_person = await instance.sign_up("starter")
    async with as_person, instance.operator() as operator:
        may = (await as_person.http.get("/v1/me/hosting")).json()
        assert (may["allowed"], may["first_time"]) == (True, True)
        policy = {"rule": {"who": "followers", "followers": 3}, "explanation": "Slowly."}
        try:
            changed = await operator.http.put("/v1/ops/hosting-policy", json=policy)
            assert changed.status_code == 200, changed.text
            may = (await as_person.http.get("/v1/me/hosting")).json()
            assert (may["allowed"], may["reason"]) == (False, "too_few_followers")
            refused = await eventually(lambda: refused_to_host(as_person))
            assert reason(refused) == (403, "may_not_host")
            assert "3 followers" in refused.json()["detail"]
            _, as_host = await instance.sign_up("allowed")
            async with as_host:
                host = (await as_host.http.get("/v1/me")).json()
                await operator.http.put(f"/v1/ops/people/{host['id']}/hosting")

                async def opened() -> Response | None:
                    answer = await as_host.http.post("/v1/spaces", json={"title": "Open"})
                    return answer if answer.status_code == 201 else None

                at = f"/v1/spaces/{(await eventually(opened)).json()['id']}"
                # Whoever may not host yet still listens and speaks.
                assert (await as_person.http.post(f"{at}/sessions")).status_code == 201
                assert (await as_person.http.post(f"{at}/requests")).status_code == 202
                accepted = await as_host.http.post(f"{at}/requests/{person['id']}/accept")
                assert accepted.status_code == 200, accepted.text
            allowed = await operator.http.put(f"/v1/ops/people/{person['id']}/hosting")
            assert allowed.status_code == 204, allowed.text

            async def hosts() -> bool:
                return (await as_person.http.post("/v1/spaces", json={"title": "Yes"})).status_code == 201

            await eventually(hosts)
        finally:
            (entry,) = [
                entry
                for entry in (await operator.http.get("/v1/ops/moderation/log")).json()["entries"]
                if entry["act"] == "hosting_policy_changed"
            ]
            undone = await operator.http.post(f"/v1/ops/moderation/log/{entry['id']}/undo", json={})
            assert undone.status_code == 204, undone.text
        assert (await as_person.http.get("/v1/ops/hosting-policy")).json()["rule"]["who"] == "everyone"


async def test_a_protected_account_does_not_host(instance: Instance) -> None:
    _, as_person = await instance.sign_up("private")
    async with as_person:
        changed = await as_person.http.put("/v1/me/privacy", json={"protected": True, "hides_listening": True})
        assert (changed.json()["protected"], changed.json()["hides_listening"]) == (True, True)
        refused = await eventually(lambda: refused_to_host(as_person))
        assert reason(refused) == (403, "may_not_host")


async def test_none_of_it_is_for_anybody_else(instance: Instance) -> None:
    person, as_person = await instance.sign_up("nosy")
    async with as_person:
        at = f"/v1/ops/people/{person['id']}"
        for refused in (
            await as_person.http.get("/v1/ops/moderation/reports"),
            await as_person.http.get("/v1/ops/moderation/log"),
            await as_person.http.post("/v1/ops/moderation/log/instance-1/undo"),
            await as_person.http.post(f"{at}/suspend", json={"reason": "spam"}),
            await as_person.http.post(f"{at}/reinstate"),
            await as_person.http.put(f"{at}/hosting"),
            await as_person.http.put("/v1/ops/hosting-policy", json={"rule": {"who": "nobody"}}),
            await as_person.http.get("/v1/ops/invitations"),
            await as_person.http.post("/v1/ops/invitations", json={}),
        ):
            assert reason(refused) == (403, "not_allowed")
        nothing = await as_person.http.post("/v1/reports", json={"reason": "spam"})
        assert reason(nothing) == (422, "invalid")
