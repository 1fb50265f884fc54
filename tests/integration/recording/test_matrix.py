"""Every command of recording, by everybody, in every case: `matrix.txt` has what is answered."""

from __future__ import annotations

from pathlib import Path

from contracts.recording import v1
from libs.bus import Bus
from libs.ids import new_id
from libs.service import running
from services.recording.main import compose
from services.recording.settings import Settings
from tests.integration.recording.stage import Stage
from tests.integration.recording.test_keeping import OPERATOR, report
from tests.support.matrix import answer_to, commands_of, read
from tests.support.waiting import eventually
from tests.unit.recording.sounds import encode, noise, stream

TABLE = Path(__file__).with_name("matrix.txt")


async def test_every_command_by_everybody_in_every_case(bus: Bus, stage: Stage, env: dict[str, str]) -> None:
    answers = read(TABLE)
    assert {command for command, _, _ in answers} == commands_of("recording")
    async with running(Settings.read(env), compose):
        await stage.start()
        await stage.say(stage.host, stream(encode(noise(1.0)), at=1.0))
        going_on = Stage(bus)
        await going_on.start()
        await going_on.comes_to(v1.ReplayState.RECORDING)
        await stage.end()
        await stage.ready()
        # The open one is the last: once recording has heard of it, it knows the other too.
        reports = {"of_another": report(going_on.space_id), "open": report(stage.space_id)}
        for complaint in reports.values():
            await bus.publish_event(complaint)

        async def cell(command: str, case: str, role: str) -> str:
            actor = {
                "host": (going_on if case == "recording" else stage).host.id, "operator": OPERATOR,
                "stranger": new_id(), "anonymous": None,
            }[role]  # fmt: skip
            about = {"recording": going_on.space_id, "not_recorded": new_id()}.get(case, stage.space_id)
            order = {"command_id": new_id(), "actor": actor, "operator": role == "operator", "space_id": about}
            if command == "DeleteReplay":
                return await answer_to(lambda: bus.ask(v1.DeleteReplay.model_validate(order)))
            if command == "AllowDownloads":
                return await answer_to(lambda: bus.ask(v1.AllowDownloads.model_validate({**order, "allowed": True})))
            if command == "SetChapters":
                chapters = [{"seconds": 0, "title": "Where they begin"}]
                return await answer_to(lambda: bus.ask(v1.SetChapters.model_validate({**order, "chapters": chapters})))
            complaint = reports.get(case, reports["open"])
            order["report_id"] = complaint.report_id
            return await answer_to(lambda: bus.ask(v1.HearSafetyCopy.model_validate(order)))

        async def heard_of() -> bool:
            return await cell("HearSafetyCopy", "open", "operator") == "ok"

        await eventually(heard_of)
        # In this order: what is deleted comes last.
        assert {key: await cell(*key) for key in answers} == answers
