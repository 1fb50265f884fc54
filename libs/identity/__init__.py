"""Who somebody is: signed tokens and the keys they are made with.

    IdentityError
    ├── TokenRefused       a token that is none, is expired, or is not ours
    └── AddressRefused     development identity was asked to serve more than this machine

`DevelopmentIdentity` makes its own key on first start and gives a token to whoever asks: it is for one machine.
"""

from libs.identity.development import DevelopmentIdentity, check_address, is_loopback
from libs.identity.errors import AddressRefused, IdentityError, TokenRefused
from libs.identity.tokens import Claims

__all__ = [
    "AddressRefused",
    "Claims",
    "DevelopmentIdentity",
    "IdentityError",
    "TokenRefused",
    "check_address",
    "is_loopback",
]
