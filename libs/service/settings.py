"""Settings of a service, read from an environment mapping that is handed in, never from `os.environ` by itself."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, SecretStr, StringConstraints, ValidationError, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from libs.bus import BusSettings
from libs.database import Database, Place

PREFIX = "ROSTRUM_"


class BadSettings(Exception):
    """A setting is wrong; the text names it and says why, in one line."""


class _Mapping(EnvSettingsSource):
    """pydantic-settings' own reading of environment variables, from a mapping."""

    def __init__(self, settings: type[BaseSettings], env: Mapping[str, str]) -> None:
        self._given = {name.lower(): value for name, value in env.items()}
        super().__init__(settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._given


class ServiceSettings(BaseSettings):
    """What every service can be told. A service's own settings class adds its fields to these.

    Field `nats_url` is `ROSTRUM_NATS_URL` for all services and `ROSTRUM_ROOM_NATS_URL` for room alone, which wins.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True)
    service: ClassVar[str]
    """The service's name; set by each subclass."""

    nats_url: str = "nats://127.0.0.1:4222"
    """Where NATS answers."""
    nats_user: str | None = None
    """Who the service is there: each service has its own user (`rostrum nats`)."""
    nats_password: SecretStr | None = None
    """That user's password."""
    nats_api: str = "$JS.API"
    """What the subjects of JetStream's API begin with for this user (`infra/nats/server.py`)."""
    nats_replicas: Annotated[int, Field(ge=1, le=5)] = 1
    """On how many servers of a cluster NATS keeps each stream and bucket."""
    moments_kept_days: Annotated[float, Field(ge=0.01, le=3650)] = 14.0
    """Days the stream of events keeps moments (presence, media, reactions); facts stay."""
    partitions: Annotated[int, Field(ge=1, le=256)] = 16
    """How many partitions Spaces fall into; the same for the whole installation, changed only while none is live."""
    var: Path = Path("var")
    """Where data is kept."""
    disk_reserve_mb: Annotated[float, Field(ge=0)] = 500.0
    """Megabytes that recording leaves free on the disk of `var`, at most 5 % of it: beyond them nothing is captured,
    spooled or made into a replay, so that commands and events go on when recordings have filled the disk."""
    store: SecretStr = SecretStr("")
    """Where facts are kept: `postgresql://user:password@host:port/database`; without it a file in `var`."""
    instance: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    """Name of this process, the same after a restart; by default `<service>-<host>`."""
    health_host: str = "127.0.0.1"
    """Address of the health port."""
    health_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Port of /healthz, /readyz and /metrics; 0 takes any free one."""
    start_timeout: Annotated[float, Field(gt=0, le=300)] = 15.0
    """Seconds until NATS must have answered at start."""
    ready_fd: int | None = None
    """Descriptor on which the parent is told, once, as a line of JSON, that the service is ready."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least important lines that are logged."""
    log_format: Literal["auto", "json", "human"] = "auto"
    """How log lines are written; `auto`: for people at a terminal, else as JSON."""
    otlp_endpoint: str | None = None
    """Where traces go (OTLP over HTTP), e.g. http://127.0.0.1:4318; none are exported without it."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)

    @classmethod
    def read(cls, env: Mapping[str, str]) -> Self:
        """The settings in an environment. Raises BadSettings naming the first wrong variable."""
        own = f"{PREFIX}{cls.service.upper()}_"
        merged = {k: v for k, v in env.items() if k.startswith(PREFIX)}
        for name, value in env.items():
            if name.startswith(own):
                field = name.removeprefix(own)
                if field.lower() not in cls.model_fields:
                    raise BadSettings(f"{name} is no setting of {cls.service}")
                merged[PREFIX + field] = value
        try:
            return cls(**_Mapping(cls, merged)())
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = str(first["loc"][0]).upper() if first["loc"] else "settings"
            name = own + field if own + field in env else PREFIX + field
            raise BadSettings(f"{name}: {first['msg']}") from error
        except ValueError as error:  # JSON that is none, in a field that is a list or a mapping
            raise BadSettings(f"{own}...: {error}") from error

    @property
    def name(self) -> str:
        """Name of this process."""
        host = "".join(c if c.isalnum() or c in "_-" else "-" for c in platform.node())[:40] or "host"
        return self.instance or f"{self.service}-{host}"

    @property
    def stop_within(self) -> float:
        """Seconds after SIGTERM in which the service must have stopped; then it is cut off."""
        return 4.5

    @field_validator("store")
    @classmethod
    def _is_postgresql(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if url and not url.startswith(("postgresql://", "postgres://")):
            raise ValueError("must be postgresql://user:password@host:port/database, or empty for a file")
        return value

    @property
    def store_place(self) -> Place:
        """This service's event store: a file of its own, or a schema of its own."""
        url = self.store.get_secret_value()
        return Database(url, self.service) if url else self.var / "stores" / f"{self.service}.db"

    @property
    def bus(self) -> BusSettings:
        return BusSettings(
            url=self.nats_url,
            user=self.nats_user,
            password=self.nats_password.get_secret_value() if self.nats_password else None,
            partitions=self.partitions,
            api=self.nats_api,
            replicas=self.nats_replicas,
            moments_kept=self.moments_kept_days * 86_400,
            connect_timeout=self.start_timeout,
        )
