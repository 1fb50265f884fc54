"""The page follows a Space as the contracts say: `follow.js` and `contracts.room.follow` agree event by event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Route

from contracts.envelope import PersonRef
from contracts.room import v1
from contracts.room.follow import follow

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]

PAGE = Path(__file__).parents[3] / "services" / "gateway" / "page"
SITE = "http://page.test"
START = datetime(2026, 11, 20, 10, tzinfo=UTC)
SPACE = "01jd3v9f4rs7t2v6w8x0y1z234"
ADA, BO, CY = (
    PersonRef(id=f"01jd3v8q2m7x4k9t6r5w0yab{n:02}", handle=name.lower(), name=name)
    for n, name in enumerate(("Ada", "Bo", "Cy"))
)


def _events() -> Sequence[v1.SpaceEvent]:
    def at(n: int) -> dict[str, Any]:
        return {"space_id": SPACE, "version": n, "at": START + timedelta(seconds=n)}

    settings = v1.Settings(title="Followed", topics=("craft",), recorded=True)
    return (
        v1.Created(**at(1), host=ADA, settings=settings),  # already in the snapshot
        v1.Started(**at(2), host=ADA, settings=settings),
        v1.Unmuted(**at(3), person_id=ADA.id),
        v1.SpeakRequested(**at(4), person=BO, message="Hi", consent_to_recording=False),
        v1.SpeakRequested(**at(5), person=CY),
        v1.StageJoined(**at(7), person=BO, role=v1.Role.SPEAKER, consent_to_recording=False),  # a version was skipped
        v1.Unmuted(**at(8), person_id=BO.id),
        v1.RequestDeclined(**at(9), person_id=CY.id),
        v1.SpeakRequested(**at(10), person=CY),
        v1.RequestCanceled(**at(11), person_id=CY.id),
        v1.Muted(**at(12), person_id=BO.id),
        v1.Muted(**at(12), person_id=ADA.id),  # an old one once more
        v1.StageJoined(**at(13), person=CY, role=v1.Role.COHOST),
        v1.Removed(**at(14), person_id=CY.id),
        v1.RemovalRecorded(**at(15), person_id=CY.id, explanation="Noise"),
        v1.Readmitted(**at(16), person_id=CY.id),
        v1.Invited(**at(17), person=CY, invitation=v1.Invitation(person=CY, invited_by=ADA.id, expires_at=START)),
        v1.InvitationClosed(**at(18), person_id=CY.id, reason="declined"),
        v1.Invited(**at(19), person=CY, to=v1.InvitedTo.JOIN),
        v1.SpeakRequested(**at(20), person=CY),
        v1.RequestHeld(**at(21), person_id=CY.id, until=START),
        v1.HandRaised(**at(22), person_id=BO.id),
        v1.Unmuted(**at(23), person_id=BO.id),
        v1.HandRaised(**at(24), person_id=BO.id),
        v1.HandLowered(**at(25), person_id=BO.id),
        v1.CohostAppointed(**at(26), person_id=BO.id),
        v1.Lost(**at(27), person_id=ADA.id, until=START),
        v1.Arrived(**at(28), person_id=ADA.id),
        v1.SettingsChanged(**at(29), settings=settings.model_copy(update={"title": "Led"})),
        v1.Pinned(
            **at(30),
            pin=v1.Pin(id=SPACE, url="https://example.org/", text="Read", person=ADA, pinned_at=START),
        ),
        v1.HostChanged(**at(31), host=BO, previous_id=ADA.id, reason="handed_over"),
        v1.StageJoined(**at(32), person=CY, role=v1.Role.SPEAKER),
        v1.CohostAppointed(**at(33), person_id=CY.id),
        v1.CohostDismissed(**at(34), person_id=CY.id),
        v1.StageLeft(**at(35), person_id=CY.id, reason="moved"),
        v1.Unpinned(**at(36), pin_id=SPACE),
        v1.Rescheduled(**at(37), scheduled_start=START),
        v1.WordsChanged(**at(38), words=("Dashwood", "Ní Bhriain")),
        v1.LanguageChosen(**at(39), person_id=BO.id, lang="de-AT"),
        v1.StageJoined(**at(40), person=CY, role=v1.Role.SPEAKER, lang="und"),
        v1.LanguageChosen(**at(41), person_id=CY.id, lang=None),
        v1.Removed(**at(42), person_id=CY.id),
        v1.Pinned(
            **at(43),
            pin=v1.Pin(id=SPACE, url="https://example.org/", text="Read", person=ADA, pinned_at=START),
        ),
        v1.SettingsChanged(**at(44), settings=settings.model_copy(update={"recorded": False, "ephemeral": True})),
        v1.Ended(**at(45), reason="timed_out"),  # of an ephemeral one little is left
        v1.SettingsChanged(**at(46), settings=settings),
        v1.SpaceDeleted(**at(47)),
    )


async def test_the_page_follows_a_space_as_the_contracts_say(browser: Browser) -> None:
    async def serve(route: Route) -> None:
        path = route.request.url.removeprefix(f"{SITE}/static/")
        await route.fulfill(body=(PAGE / path).read_text(), content_type="text/javascript")

    async def nothing(route: Route) -> None:
        await route.fulfill(body="<!doctype html>", content_type="text/html")

    context = await browser.new_context()
    try:
        page = await context.new_page()
        await page.route(f"{SITE}/", nothing)
        await page.route(f"{SITE}/static/**", serve)
        await page.goto(SITE)
        space = v1.Space(
            id=SPACE,
            version=1,
            state=v1.State.SCHEDULED,
            host=ADA,
            settings=v1.Settings(title="Followed"),
            created_at=START,
        )
        for event in _events():
            seen = await page.evaluate(
                "async ([space, event]) => (await import('/static/model/follow.js')).follow(space, event)",
                [
                    space.model_dump(mode="json"),
                    {**event.model_dump(mode="json"), "type": f"{event.context}.{event.name}"},
                ],
            )
            space = follow(space, event)
            assert v1.Space.model_validate(seen) == space, event
    finally:
        await context.close()
