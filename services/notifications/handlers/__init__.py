"""Commands and queries of notifications."""

from __future__ import annotations

from typing import Any

from contracts.commands import Command
from contracts.notifications import v1


def ordered(command: Command[Any]) -> tuple[object, ...]:
    """What a command orders; see `libs.commands.executor.Ordered`."""
    match command:
        case v1.AddWebhook():
            # Not its id: the gateway makes another one each time the command is sent.
            return (command.key_id, command.url, command.events, tuple(sorted(command.rights)))
        case v1.ChangeWebhook():
            return (command.key_id, command.webhook_id, command.url, command.events)
        case v1.RotateWebhookSecret():
            return (command.key_id, command.webhook_id, command.keep_seconds)
        case v1.PauseWebhook() | v1.ResumeWebhook() | v1.RemoveWebhook():
            return (command.key_id, command.webhook_id)
        case v1.Subscribe():
            return (command.address, command.p256dh, command.auth, command.reminders, command.live)
        case v1.Unsubscribe():
            return (command.subscription_id,)
        case _:
            raise TypeError(f"{command.name} is no command that is stored")
