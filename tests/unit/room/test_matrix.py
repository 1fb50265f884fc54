"""The matrix of orders, roles and states, every cell of it."""

from __future__ import annotations

import pytest

from contracts import catalogue
from contracts.room import v1
from libs.refusal import Refusal
from services.room.domain.space import Space
from tests.unit.room.given import space_after
from tests.unit.room.matrix import COMMANDS, ORDERS, ROLES, STATES, WORLD, answers

ANSWERS = answers()


def _answer(order: str, role: str, space: Space) -> str:
    """What the order of somebody of this role is answered, given as the app gives it."""
    actor = None if role == "anonymous" else role
    try:
        space.welcome(actor, blocked=role == "blocked", suspended=role == "suspended")
        facts = ORDERS[order](space, actor)
    except Refusal as no:
        return no.reason if no.detail.endswith(".") and not no.retry else f"{no.reason}, badly: {no.detail}"
    assert isinstance(facts, list)
    return "ok"


@pytest.mark.parametrize("order", ORDERS)
def test_every_order_by_every_role_in_every_state(order: str) -> None:
    answered = {(order, s, r): _answer(order, r, space_after(*WORLD[s])) for s in STATES for r in ROLES}
    assert answered == {key: answer for key, answer in ANSWERS.items() if key[0] == order}


def test_the_matrix_has_every_cell_and_no_other() -> None:
    assert set(ANSWERS) == {(order, state, role) for order in ORDERS for state in STATES for role in ROLES}


def test_the_matrix_has_every_command_there_is() -> None:
    commands = {
        t for (kind, service, _), t in catalogue.request_types().items() if (kind, service) == ("command", "room")
    }
    # Creating is no order to a Space that exists; leaving is accepted from everybody, always.
    assert commands == set(COMMANDS) | {v1.CreateSpace, v1.LeaveSpace}
    assert {order for orders in COMMANDS.values() for order in orders} | {"look"} == set(ORDERS)


@pytest.mark.parametrize("role", ROLES)
def test_no_order_is_heard_where_there_is_no_space(role: str) -> None:
    assert {order: _answer(order, role, Space("none")) for order in ORDERS} == dict.fromkeys(ORDERS, "space_unknown")


@pytest.mark.parametrize("state", STATES)
def test_a_refused_order_changes_nothing(state: str) -> None:
    for order, told, role in ANSWERS:
        if told == state and ANSWERS[order, told, role] != "ok" and not order.endswith("_own"):
            space = space_after(*WORLD[state])
            before = (space.version, dict(space.stage), dict(space.requests), dict(space.removed), space.settings)
            _answer(order, role, space)
            assert (
                space.version, dict(space.stage), dict(space.requests), dict(space.removed), space.settings
            ) == before  # fmt: skip
