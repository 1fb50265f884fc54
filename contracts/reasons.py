"""Stable reason codes of refusals, and the HTTP status each one means.

Codes are part of the contract: they are added to, never renamed.
"""

from __future__ import annotations

from typing import Final

STATUS: Final[dict[str, int]] = {
    # the request itself
    "bad_request": 400,
    "bad_sdp": 400,
    "unauthenticated": 401,
    "token_expired": 401,
    # who may
    "not_host": 403,
    "not_on_stage": 403,
    "not_allowed": 403,
    "not_in_space": 403,
    "removed": 403,
    "blocked": 403,
    "suspended": 403,
    "may_not_host": 403,
    "only_self": 403,
    "invitation_needed": 403,
    "not_yours": 403,
    # what there is
    "space_unknown": 404,
    "person_unknown": 404,
    "session_unknown": 404,
    "request_unknown": 404,
    "invitation_unknown": 404,
    "report_unknown": 404,
    "entry_unknown": 404,
    "pin_unknown": 404,
    "picture_unknown": 404,
    "tip_unknown": 404,
    "replay_unknown": 404,
    "transcript_unknown": 404,
    "caption_unknown": 404,
    "webhook_unknown": 404,
    "not_found": 404,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    # what there was
    "space_deleted": 410,
    "replay_deleted": 410,
    # what state it is in
    "not_live": 409,
    "not_scheduled": 409,
    "already_ended": 409,
    "already_on_stage": 409,
    "already_requested": 409,
    "stage_full": 409,
    "queue_full": 409,
    "too_many_invitations": 409,
    "handle_taken": 409,
    "changed_too_often": 409,
    "too_many_scheduled": 409,
    "too_many_live": 409,
    "too_many_cohosts": 409,
    "too_many_pins": 409,
    "already_pinned": 409,
    "tip_jar_closed": 409,
    "correction_rejected": 409,
    "not_ready": 409,
    "wrong_state": 409,
    "idempotency_conflict": 409,
    "request_timeout": 408,
    "precondition_failed": 412,
    "too_large": 413,
    "unsupported_media_type": 415,
    "range_not_satisfiable": 416,
    "invalid": 422,
    "unprocessable_sdp": 422,
    "precondition_required": 428,
    "too_many_requests": 429,
    "headers_too_large": 431,
    # us
    "internal": 500,
    "unavailable": 503,
    "node_full": 503,
    "storage_full": 507,
}


def status_of(reason: str) -> int:
    """HTTP status of a reason code; 409 for a code that a newer service introduced."""
    return STATUS.get(reason, 409)
