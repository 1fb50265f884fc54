"""Tip jars, tips, and the links that lead to where they are paid."""

from services.tipping.domain.jar import Filled, Jar
from services.tipping.domain.money import Money
from services.tipping.domain.providers import PROVIDERS, Provider, clean_note, link, provider_of
from services.tipping.domain.tip import Confirmed, Offer, Offered, Opened, Payer, Standing, State, Tip

__all__ = [
    "PROVIDERS",
    "Confirmed",
    "Filled",
    "Jar",
    "Money",
    "Offer",
    "Offered",
    "Opened",
    "Payer",
    "Provider",
    "Standing",
    "State",
    "Tip",
    "clean_note",
    "link",
    "provider_of",
]
