"""Answering what a service holds of one person (`contracts.personal_data`), page by page.

`Held` goes through the sections of a service, each a subject with a source of records. `Concerned` is an index of which
aggregates concern whom. `of_events` makes records of the contract events that stored facts are published as.
"""

from libs.personal_data.concerned import Concerned
from libs.personal_data.events import of_events, of_outgoing
from libs.personal_data.pages import Found, Held, Section, listed, number_of

__all__ = ["Concerned", "Found", "Held", "Section", "listed", "number_of", "of_events", "of_outgoing"]
