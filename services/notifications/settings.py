"""Notifications' settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from libs.database import Database, Place
from libs.service import ServiceSettings


class Settings(ServiceSettings):
    """`ROSTRUM_NOTIFICATIONS_...` in the environment."""

    service: ClassVar[str] = "notifications"

    identity_issuer: str | None = None
    """Whose subjects people are named by in what servers are told; that of the gateway (`ROSTRUM_IDENTITY_ISSUER`)."""
    private_hosts: tuple[str, ...] = ()
    """Hosts of webhooks that may be in private networks, and be asked without https, e.g. `["hooks.internal"]`. So may
    those of them that are among PUSH_HOSTS."""
    webhook_seconds: Annotated[float, Field(gt=0, le=60)] = 15.0
    """Within which a webhook must have answered."""
    webhook_slots: Annotated[int, Field(ge=1, le=100)] = 8
    """Events on their way to one webhook at once, of as many Spaces."""
    retry_days: Annotated[float, Field(gt=0, le=30)] = 5.0
    """For how many days an event is tried; a webhook that takes nothing for so long is paused."""
    retry_first_seconds: Annotated[float, Field(gt=0, le=3600)] = 5.0
    """Until the second attempt. Each pause is three times as long as the one before."""
    retry_longest_seconds: Annotated[float, Field(gt=0, le=86_400)] = 3600.0
    """The longest pause between two attempts."""
    hold_seconds: Annotated[float, Field(ge=0, le=86_400)] = 600.0
    """For how long an event that a webhook refuses, while it takes others, holds back later ones of its Space."""
    kept_days: Annotated[float, Field(gt=0, le=90)] = 7.0
    """For how many days events and the log of deliveries are kept, to be sent again."""
    push_hosts: tuple[str, ...] = (
        "fcm.googleapis.com",
        "push.services.mozilla.com",
        "web.push.apple.com",
        "notify.windows.com",
    )
    """Push services whose addresses are taken from browsers, each with its subdomains; `["*"]` takes any."""
    push_slots: Annotated[int, Field(ge=1, le=200)] = 32
    """Messages on their way to browsers at once; a quarter of them to one push service."""
    push_contact: str = Field(default="", pattern=r"^(mailto:[^@\s]+@[^@\s]+|https://\S+)?$")
    """Where those who run a push service reach you (`mailto:...`, `https://...`); without it ROSTRUM_PUBLIC_URL."""
    public_url: str | None = None
    """Where browsers reach the page; that of the gateway (`ROSTRUM_PUBLIC_URL`)."""
    person_wait: Annotated[float, Field(ge=0, le=30)] = 2.0
    """Seconds to wait at most for news of somebody who has just signed up."""

    @property
    def private_push_hosts(self) -> frozenset[str]:
        """Push services that may be in private networks: both lists name them. `*` names none, since everybody chooses
        the address of their own browser."""
        return frozenset(self.private_hosts) & frozenset(self.push_hosts)

    @property
    def contact(self) -> str:
        """What push services are told of those who run this place."""
        return self.push_contact or (self.public_url or "") or "https://localhost"

    @property
    def deliveries_place(self) -> Place:
        """What is still to be sent; nothing else has it."""
        url = self.store.get_secret_value()
        return Database(url, "notifications_deliveries") if url else self.var / "stores" / "notifications-deliveries.db"

    @property
    def model_path(self) -> Path:
        """The read model of others' events; it can be deleted at any time."""
        return self.var / "stores" / "notifications-audience.db"
