"""What recording can be told, besides what every service can (`libs.service`)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from contracts import object_names
from libs.service import ServiceSettings


class Settings(ServiceSettings):
    """Settings of recording."""

    service: ClassVar[str] = "recording"

    recordings_url: str | None = None
    """Where replays are kept: `file:///folder`, `s3://bucket/prefix`, `gs://...`, `az://...`; by default the folder
    `recordings` in `var`. Credentials as the cloud's own tools take them. The gateway has the same setting."""
    spool: Path | None = None
    """Where captured audio waits for its replay, on a disk of this machine; by default `spool` in `var`."""
    grace_seconds: Annotated[float, Field(ge=0, le=600)] = 3.0
    """How long after the end of a Space its last audio may still arrive."""
    unrecorded_mixes: Annotated[int, Field(ge=0, le=10_000)] = 50
    """Spaces that are not recorded and are played over HLS, at once; one takes a few hundredths of a core."""
    builds: Annotated[int, Field(ge=1, le=64)] = 1
    """Replays built at the same time, each in a process of its own."""
    give_up_hours: Annotated[float, Field(gt=0, le=24 * 30)] = 24.0
    """For how long a replay that cannot be stored is tried again; what was captured is kept afterwards, for as long
    as a replay would be."""

    replay_days: Annotated[float, Field(gt=0)] | None = 30.0
    """For how many days after the end of a Space its replay is shown; `null`: until the host deletes it."""
    safety_days: Annotated[float, Field(ge=0)] = 30.0
    """For how many days after the end a replay that was deleted is kept for reports, and for nothing else."""
    reported_days: Annotated[float, Field(ge=0)] = 120.0
    """The same while a report of it is open; and for people, how long what was reported is kept otherwise."""
    keep_look_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """How often it is looked what has been kept for its time."""

    @property
    def kept_path(self) -> Path:
        """The index of what is kept; it can be deleted at any time."""
        return self.var / "stores" / "recording-kept.db"

    @property
    def objects_url(self) -> str:
        return self.recordings_url or (self.var / object_names.FOLDER).absolute().as_uri()

    @property
    def spool_path(self) -> Path:
        return self.spool or self.var / "spool"
