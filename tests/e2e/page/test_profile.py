"""Somebody changes what they are called, and everybody who looks sees it at once."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from infra.launcher import System
from libs.identity import DevelopmentIdentity
from libs.ids import new_id
from tests.e2e.page.visitor import visitor
from tests.integration.gateway.client import Client
from tests.support import photos
from tests.support.command import rostrum

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]
_AUDIT = (Path(__file__).parent / "audit.js").read_text()


async def test_a_new_name_is_seen_in_an_open_space_at_once_and_everywhere_after_that(
    url: str, browser: Browser
) -> None:
    async with visitor(browser, url) as host, visitor(browser, url, home=False) as guest:
        await host.sign_up("Ada Byron")
        path = await host.create("On engines")
        await guest.visit(path)
        await expect(guest.on_stage("Ada Byron")).to_be_visible()
        await host.part("me").click()
        await host.part("edit-profile").click()
        await host.part("profile-name").fill("Ada Lovelace")
        await host.part("profile-bio").fill("Poetical science.\nLondon.")
        await host.part("profile-links").fill("https://example.org/ada")
        await host.part("profile-save").click()
        await expect(host.part("profile-sheet")).to_have_count(0)
        await expect(host.part("me")).to_contain_text("Ada Lovelace")
        await expect(host.on_stage("Ada Lovelace")).to_be_visible()
        await expect(guest.on_stage("Ada Lovelace")).to_be_visible()
        await expect(guest.on_stage("Ada Byron")).to_have_count(0)
        await guest.on_stage("Ada Lovelace").click()
        await expect(guest.part("about")).to_contain_text("Poetical science.")
        theirs = guest.part("about").get_by_role("link", name="example.org/ada")
        await expect(theirs).to_have_attribute("href", "https://example.org/ada")
        await guest.visit()
        await expect(guest.page.get_by_role("main")).to_contain_text("Ada Lovelace")


async def test_a_handle_that_somebody_has_is_refused_with_the_reason(url: str, browser: Browser) -> None:
    async with visitor(browser, url) as one, visitor(browser, url) as other:
        for somebody, name in ((one, "Grace Hopper"), (other, "Mary Shelley")):
            await somebody.sign_up(name)
        await one.part("me").click()
        await one.part("edit-profile").click()
        taken = await one.part("profile-handle").input_value()
        await other.part("me").click()
        await other.part("edit-profile").click()
        await other.part("profile-handle").fill(taken.upper())
        await other.part("profile-save").click()
        error = other.part("profile-sheet").get_by_test_id("error")
        await expect(error).to_contain_text("choose another handle")
        await expect(other.part("profile-handle")).to_be_focused()
        assert await other.page.evaluate(_AUDIT) == []
        await other.part("profile-handle").fill(f"{taken[:-1]}_")
        await other.part("profile-links").fill("https://bank.example@evil.example/")
        await other.part("profile-save").click()
        await expect(error).to_contain_text("Leave the user name out of a link.")
        await expect(other.part("profile-links")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_somebody_deletes_their_account_by_typing_its_handle(url: str, browser: Browser, scheme: str) -> None:
    async with visitor(browser, url) as host, visitor(browser, url, home=False) as guest:
        await host.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        await host.sign_up("Ada Byron")
        path = await host.create("On engines")
        await guest.visit(path)
        await expect(guest.on_stage("Ada Byron")).to_be_visible()
        await host.part("me").click()
        await host.part("edit-profile").click()
        handle = await host.part("profile-handle").input_value()
        await host.part("erase").click()
        await expect(host.part("profile-sheet")).to_have_count(0)
        sheet = host.part("erase-sheet")
        await expect(sheet).to_contain_text("Nobody can undo this.")
        for width, height in ((390, 844), (1280, 800)):
            await host.page.set_viewport_size({"width": width, "height": height})
            assert await host.page.evaluate(_AUDIT) == []
        await host.part("erase-handle").fill("somebody_else")
        await host.part("erase-send").click()
        await expect(sheet).to_be_visible()
        assert await host.part("erase-handle").evaluate("one => one.validity.patternMismatch")
        await host.part("erase-handle").fill(f" @{handle.upper()} ")
        await host.part("erase-send").click()
        await expect(sheet).to_have_count(0)
        await expect(host.part("sign-up")).to_be_visible()
        await host.told("Your account is deleted.")
        await expect(guest.on_stage("Ada Byron")).to_have_count(0)
        await host.page.reload()
        await expect(host.part("sign-up")).to_be_visible()


async def test_somebody_downloads_their_data_and_so_does_an_operator(
    system: System, url: str, browser: Browser, tmp_path: Path
) -> None:
    async with visitor(browser, url) as one:
        await one.sign_up("Emmy Noether")
        await one.create("On symmetry")
        await one.part("me").click()
        await one.part("edit-profile").click()
        handle = await one.part("profile-handle").input_value()
        async with one.page.expect_download() as download:
            await one.part("export").click()
        mine = tmp_path / "mine.zip"
        await (await download.value).save_as(mine)
    theirs = tmp_path / "theirs.zip"
    said = await rostrum("export", f"@{handle}", "--var", str(system.var_dir), "--out", str(theirs), "--json")
    assert said.code == 0, said.errors
    person = json.loads(said.out)["person_id"]
    assert theirs.stat().st_mode & 0o777 == 0o600
    for archive in (mine, theirs):
        with zipfile.ZipFile(archive) as files:
            assert json.loads(files.read("about.json"))["person_id"] == person
            assert json.loads(files.read("profile.json"))[0]["name"] == "Emmy Noether"
            spaces = json.loads(files.read("spaces.json"))
            assert spaces[0]["settings"]["title"] == "On symmetry"
            assert "account.json" in files.namelist()
    again = await rostrum("export", person, "--var", str(system.var_dir), "--out", str(theirs))
    assert (again.code, "is there already" in again.errors) == (2, True)
    unknown = await rostrum("export", "@nobody_at_all", "--var", str(system.var_dir))
    assert unknown.code == 1
    identity = DevelopmentIdentity(system.var_dir / "keys")
    async with Client(url, identity.mint(new_id(), operator=True)) as operator:
        log = (await operator.http.get(f"/v1/ops/moderation/log?person_id={person}")).json()
    assert [(one["act"], one["actor_id"]) for one in log["entries"]] == [("exported", None)]


async def test_a_picture_is_seen_by_everybody_in_an_open_space_at_once_until_it_is_removed(
    url: str, browser: Browser, tmp_path: Path
) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(photos.saved(photos.noise((2400, 1600)), "JPEG", quality=95))
    assert photo.stat().st_size > 2 * 1024 * 1024, "larger than what may be sent: the page makes it smaller"
    async with visitor(browser, url) as host, visitor(browser, url, home=False) as guest:
        await host.sign_up("Lise Meitner")
        path = await host.create("On fission")
        await guest.visit(path)
        face = guest.on_stage("Lise Meitner").locator("img")
        await expect(guest.on_stage("Lise Meitner")).to_be_visible()
        await expect(face).to_have_count(0)
        await host.part("me").click()
        await host.part("edit-profile").click()
        await expect(host.part("picture-remove")).to_be_hidden()
        await host.part("picture-file").set_input_files(photo)
        await expect(host.part("picture").locator("img")).to_be_visible()
        await expect(face).to_be_visible()
        await expect(face).to_have_js_property("naturalWidth", 128)
        await expect(host.part("me").locator("img")).to_have_count(1)
        assert await host.page.evaluate(_AUDIT) == []
        await host.part("picture-remove").click()
        await expect(face).to_have_count(0)
        await expect(host.part("picture").locator("img")).to_have_count(0)
        text = tmp_path / "no.png"
        text.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
        await host.part("picture-file").set_input_files(text)
        await host.told("This is no picture that can be read; send a JPEG, PNG or WebP.")
