"""Every command of transcription, by everybody, in every case: `matrix.txt` has what is answered."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts.commands import Command, Nothing
from contracts.recording.v1 import ReplayDeleted
from contracts.transcription import v1
from libs.ids import new_id
from tests.integration.transcription.stage import Stage, carried, person
from tests.support.matrix import answer_to, commands_of, read
from tests.support.waiting import eventually

TABLE = Path(__file__).with_name("matrix.txt")
KINDS: dict[str, type[Command[Nothing]]] = {
    kind.__name__: kind for kind in (v1.CorrectCaption, v1.RejectCorrection, v1.DeleteCaption, v1.DeleteTranscript)
}


@pytest.mark.usefixtures("service")
async def test_every_command_by_everybody_in_every_case(stage: Stage) -> None:
    answers = read(TABLE)
    assert {command for command, _, _ in answers} == commands_of("transcription")
    speaker, former = person("Selma"), stage.host
    captions = await stage.events()
    await stage.start()
    await stage.join(speaker)
    # Two sentences: one is corrected, the other stays as it was heard.
    await stage.say(speaker, carried()["slt"].packets[:430])
    await stage.hand_over(person("Ines"))
    await captions.finals(2)
    corrected, as_heard = (caption.id for caption in captions.final)
    people = {
        "stranger": new_id(), "speaker": speaker.id, "host": stage.host.id, "former_host": former.id,
        "operator": new_id(), "anonymous": None,
    }  # fmt: skip

    async def cell(command: str, case: str, role: str) -> str:
        order = {
            "command_id": new_id(), "actor": people[role], "operator": role == "operator",
            "space_id": new_id() if case == "no_captions" else stage.space_id,
            "caption_id": {"no_caption": "nothing-1", "as_heard": as_heard}.get(case, corrected),
        }  # fmt: skip
        if command == "CorrectCaption":
            order["text"] = f"In other words {order['command_id']}"
        return await answer_to(lambda: stage.bus.ask(KINDS[command].model_validate(order)))

    async def host_is_known() -> bool:
        return await cell("CorrectCaption", "no_caption", "host") == "caption_unknown"

    await eventually(host_is_known)
    there = [key for key in answers if key[1] != "deleted"]
    # In this order: what is rejected comes after what is not.
    assert {key: await cell(*key) for key in there} == {key: answers[key] for key in there}
    await stage.tell(ReplayDeleted(space_id=stage.space_id, version=9, at=datetime.now(UTC), reason="host"))

    async def is_deleted() -> bool:
        return (await stage.transcript()).state == "none"

    await eventually(is_deleted)
    deleted = [key for key in answers if key[1] == "deleted"]
    assert {key: await cell(*key) for key in deleted} == {key: answers[key] for key in deleted}
