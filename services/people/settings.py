"""People's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, SecretStr, StringConstraints

from contracts import object_names
from libs.database import Database, Place
from libs.service import ServiceSettings

Reason = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Settings(ServiceSettings):
    """`ROSTRUM_PEOPLE_...` in the environment."""

    service: ClassVar[str] = "people"

    max_following: Annotated[int, Field(ge=1, le=1_000_000)] = 5_000
    """How many people one person may follow."""
    handle_changes: Annotated[int, Field(ge=0, le=100)] = 3
    """How often one may change one's handle within 30 days."""
    profile_changes: Annotated[int, Field(ge=0, le=100)] = 30
    """How often one may change one's profile within a day."""
    handle_kept_days: Annotated[float, Field(ge=0, le=3650)] = 30
    """How long nobody gets the handle of somebody who was erased."""
    invite_only: bool = False
    """Whether signing up takes an invitation code."""
    report_reasons: Annotated[tuple[Reason, ...], Field(min_length=1)] = (
        "abuse",
        "hate",
        "violence",
        "self_harm",
        "child_safety",
        "privacy",
        "impersonation",
        "spam",
        "illegal",
        "other",
    )
    """What one may be reported and suspended for. What was given as a reason stays when it is off the list."""
    reported_days: Annotated[float, Field(ge=0)] = 120.0
    """For how many days what was reported is kept after the report was closed, in its sealed copy. Recording takes the
    same setting for safety copies."""
    copies_wait: Annotated[float, Field(ge=0, le=600)] = 300.0
    """Seconds for which keys are not destroyed because something that was reported is not copied yet. So long the sound
    of a report outlives that recording is away."""
    remind_host_minutes: Annotated[float, Field(ge=0, le=24 * 60)] = 30
    """How long before the start the host of a scheduled Space is reminded."""
    space_wait: Annotated[float, Field(ge=0, le=5)] = 1.0
    """Seconds to wait for a Space that the stream has not told of yet."""

    recordings_url: str | None = None
    """The object store, for pictures of people; by default the folder `recordings` in `var`. Recording and the gateway
    have the same setting."""

    master_key: SecretStr = SecretStr("")
    """What wraps all keys, as base64 of 32 bytes; without it `var/keys/master.key`, made at the first start."""
    key_lease: Annotated[float, Field(ge=1, le=3600)] = 300.0
    """Seconds for which a process may keep a key in memory; so long may forgetting take where one has died."""

    @property
    def objects_url(self) -> str:
        """Where pictures are."""
        return self.recordings_url or (self.var / object_names.FOLDER).absolute().as_uri()

    @property
    def keys_place(self) -> Place:
        """Where keys are."""
        url = self.store.get_secret_value()
        return Database(url, "keyring") if url else self.var / "keys" / "keyring.db"

    @property
    def ledger_place(self) -> Place:
        """Where the ledger of what was destroyed is, apart from the keys."""
        url = self.store.get_secret_value()
        return Database(url, "ledger") if url else self.var / "ledger" / "erasures.db"

    @property
    def read_model_path(self) -> Path:
        """The file of the read model; it can be deleted at any time."""
        return self.var / "stores" / "people-read.db"
