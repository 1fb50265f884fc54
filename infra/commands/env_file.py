"""Settings in a file, as systemd reads them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from infra.commands.common import fail

OPTION: Final = "--env-file"


def read_env_file(file: Path) -> dict[str, str]:
    """The variables in a file of `NAME=value` lines (systemd.exec(5), EnvironmentFile)."""
    try:
        lines = [line.strip() for line in file.read_text().splitlines()]
    except (OSError, UnicodeError) as error:
        fail(f"{file} cannot be read: {error}", 2)
    pairs = [line.partition("=") for line in lines if line and line[0] not in "#;"]
    return {name.strip(): _unquoted(value.strip()) for name, _, value in pairs}


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def taken_in(arguments: list[str]) -> list[str]:
    """The arguments without a leading `--env-file FILE`, whose settings are in the environment from then on.

    What the environment has already stays.
    """
    match arguments:
        case [first, file, *rest] if first == OPTION:
            pass
        case [first, *rest] if first.startswith(f"{OPTION}="):
            file = first.removeprefix(f"{OPTION}=")
        case _:
            return arguments
    os.environ.update({**read_env_file(Path(file)), **os.environ})
    return rest
