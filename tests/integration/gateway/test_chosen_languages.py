"""Whoever chooses a language is told which ones have captions."""

from __future__ import annotations

from contracts.room import v1 as room
from contracts.transcription.v1 import Languages, LanguagesQuery
from tests.integration.gateway.backend import Backend, a_person
from tests.integration.gateway.conftest import Running


async def test_auto_is_accepted_and_the_answer_says_what_languages_have_captions(
    gateway: Running, behind: Backend
) -> None:
    host = a_person("Host")

    async def create(command: room.CreateSpace) -> room.Space:
        return behind.add(host, id=command.space_id, settings=command.settings)

    async def change(command: room.ChangeSettings) -> room.Space:
        space = behind.spaces[command.space_id]
        changed = space.settings.model_copy(update={"lang": command.lang})
        return space.model_copy(update={"settings": changed})

    async def choose(command: room.ChooseLanguage) -> room.Space:
        return behind.spaces[command.space_id]

    async def languages(_: LanguagesQuery) -> Languages:
        return Languages(languages=("de", "en"))

    behind.on(room.CreateSpace, create)
    behind.on(room.ChangeSettings, change)
    behind.on(room.ChooseLanguage, choose)
    async with gateway.client(host.id) as client:
        wanted = {"title": "Tea", "captions": True, "lang": "auto"}
        # It is created all the same where nobody knows what languages have captions.
        unknown = (await client.http.post("/v1/spaces", json=wanted)).raise_for_status().json()
        assert (unknown["settings"]["lang"], unknown["captions_in"]) == ("und", None)

        behind.on(LanguagesQuery, languages)
        created = (await client.http.post("/v1/spaces", json=wanted)).raise_for_status().json()
        assert (created["settings"]["lang"], created["captions_in"]) == ("und", ["de", "en"])
        at = f"/v1/spaces/{created['id']}"
        changed = (await client.http.patch(at, json={"lang": "tlh"})).raise_for_status().json()
        assert (changed["settings"]["lang"], changed["captions_in"]) == ("tlh", ["de", "en"])
        changed = (await client.http.patch(at, json={"lang": "auto"})).raise_for_status().json()
        assert changed["settings"]["lang"] == "und"
        chosen = (await client.http.put(f"{at}/languages/me", json={"lang": "fr"})).raise_for_status().json()
        assert chosen["captions_in"] == ["de", "en"]

        without = await client.http.post("/v1/spaces", json={**wanted, "captions": False})
        assert without.raise_for_status().json()["captions_in"] is None
        refused = await client.http.post("/v1/spaces", json={**wanted, "lang": "automatic"})
        assert refused.status_code == 422
