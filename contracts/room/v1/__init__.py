"""The Space itself: lifecycle, stage, requests, invitations, pins, removals.

Every event carries `version`, the version of the Space's aggregate after it. A follower takes a snapshot with the
`space` query and applies the events with a higher version (`contracts.room.follow`).
"""

from contracts.room.v1.commands import *
from contracts.room.v1.events import *
from contracts.room.v1.presence import *
from contracts.room.v1.queries import *
from contracts.room.v1.space import *
from contracts.room.v1.values import *
