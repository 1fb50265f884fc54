"""Who may join a Space, and who may see it."""

from __future__ import annotations

from libs.refusal import Refusal
from services.room.domain.state import SpaceState


class Door(SpaceState):
    """Lets people in, or tells them why not."""

    def admit(
        self,
        person_id: str | None,
        *,
        blocked: bool,
        follows_host: bool,
        suspended: bool = False,
        looking_back: bool = False,
        inside: bool = False,
    ) -> None:
        """Whether somebody may be in it now; `looking_back`, see what is kept of it, which need not be live any more.

        `inside`: they were let in, and stay so when fewer may join. Raises Refusal: space_unknown, suspended, removed,
        blocked, not_live, not_allowed.
        """
        self.welcome(person_id, blocked=blocked, suspended=suspended)
        if not looking_back:
            self._must_be_live()
        if self.role_of(person_id) != "listener" or (looking_back and person_id in self.stood):
            return
        if self.settings.kind == "conversation":
            raise Refusal("not_allowed", "This is a conversation without an audience; ask to come in.")
        if not inside:
            self._must_be_let_in(person_id, follows_host=follows_host)

    def show(
        self, person_id: str | None, *, blocked: bool, follows_host: bool, suspended: bool = False, inside: bool = False
    ) -> None:
        """Whether somebody may see what it is: who may join it, and of what is over also who stood on stage. Lists of
        Spaces show the same.

        `inside`: they were let in, and stay so when fewer may join. Raises Refusal: space_unknown, suspended, removed,
        blocked, not_allowed.
        """
        self.welcome(person_id, blocked=blocked, suspended=suspended)
        over = self.state not in ("scheduled", "live")
        if inside or self.role_of(person_id) != "listener" or (over and person_id in self.stood):
            return
        self._must_be_let_in(person_id, follows_host=follows_host)

    def _must_be_let_in(self, person_id: str | None, *, follows_host: bool) -> None:
        """The rule of who can join. An invitation is always enough."""
        if self.settings.who_can_join == "everyone" or (person_id is not None and person_id in self.invited):
            return
        if self.settings.who_can_join == "invited":
            raise Refusal("not_allowed", "Only people who were invited can join this Space.")
        if not follows_host:
            raise Refusal("not_allowed", "Only people who follow the host can join this Space.")
