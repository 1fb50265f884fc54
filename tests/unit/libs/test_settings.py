"""A service's settings come from the environment it is given, and a wrong one is named."""

from typing import Annotated

import pytest
from pydantic import Field

from libs.service import BadSettings, ServiceSettings


class Settings(ServiceSettings):
    service = "people"
    most: Annotated[int, Field(ge=1)] = 5
    names: tuple[str, ...] = ()


def test_a_setting_of_the_service_wins_over_the_one_for_all() -> None:
    env = {"ROSTRUM_MOST": "7", "ROSTRUM_PEOPLE_MOST": "9", "ROSTRUM_NAMES": '["a","b"]'}
    assert Settings.read(env).most == 9
    assert Settings.read(env).names == ("a", "b")


def test_the_environment_of_the_process_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROSTRUM_MOST", "77")
    assert Settings.read({}).most == 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROSTRUM_PEOPLE_MOST", "many"),
        ("ROSTRUM_MOST", "0"),
        ("ROSTRUM_PEOPLE_MOTS", "3"),
        ("ROSTRUM_HEALTH_PORT", "66000"),
        ("ROSTRUM_LOG_LEVEL", "LOUD"),
        ("ROSTRUM_INSTANCE", "two words"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(BadSettings, match=name):
        Settings.read({name: value})


def test_a_list_that_is_no_json_names_the_service() -> None:
    with pytest.raises(BadSettings, match="ROSTRUM_PEOPLE"):
        Settings.read({"ROSTRUM_PEOPLE_NAMES": "a,b"})


def test_the_password_is_not_shown() -> None:
    settings = Settings.read({"ROSTRUM_NATS_URL": "nats://room:secret@127.0.0.1:1", "ROSTRUM_NATS_PASSWORD": "hush"})
    assert "hush" not in repr(settings)
    assert "secret" not in settings.bus.shown()
