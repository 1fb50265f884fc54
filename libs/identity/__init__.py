"""Who somebody is: signed tokens and the keys they are made with.

    IdentityError          keys that are none
    ├── TokenRefused       a token that is none, is expired, or is not taken here
    └── AddressRefused     development identity was asked to serve more than this machine

`OwnTokens` makes its own key on first start. `DevelopmentIdentity` gives such tokens to whoever asks: it is for one
machine. Tokens of others are read by `read_compact`, verified with the keys of `FetchedKeys`, and judged by `Issuer`.
"""

from libs.identity.claims import COMMAND_LINE, Claims
from libs.identity.compact import Compact, claim_at, read_compact, read_object
from libs.identity.development import DevelopmentIdentity, check_address
from libs.identity.errors import AddressRefused, IdentityError, TokenRefused
from libs.identity.fetched_keys import Fetched, FetchedKeys, KeysAway
from libs.identity.issuer import CheckedClaims, Issuer, IssuerClock
from libs.identity.own_tokens import OwnTokens, OwnTokensOnly

OWN_ISSUER = "rostrum"
"""Of our own tokens, where people come from elsewhere."""

__all__ = [
    "COMMAND_LINE",
    "OWN_ISSUER",
    "AddressRefused",
    "CheckedClaims",
    "Claims",
    "Compact",
    "DevelopmentIdentity",
    "Fetched",
    "FetchedKeys",
    "IdentityError",
    "Issuer",
    "IssuerClock",
    "KeysAway",
    "OwnTokens",
    "OwnTokensOnly",
    "TokenRefused",
    "check_address",
    "claim_at",
    "read_compact",
    "read_object",
]
