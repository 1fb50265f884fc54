"""People: profiles, follows, who may host, suspensions, reminders, and what other services must know of them."""

from contracts.people.v1.api_keys import *
from contracts.people.v1.appeals import *
from contracts.people.v1.copies import *
from contracts.people.v1.erasing import *
from contracts.people.v1.hosting import *
from contracts.people.v1.identity import *
from contracts.people.v1.invitations import *
from contracts.people.v1.keys import *
from contracts.people.v1.log import *
from contracts.people.v1.mirroring import *
from contracts.people.v1.passing_over import *
from contracts.people.v1.personal_data import *
from contracts.people.v1.profile import *
from contracts.people.v1.reminders import *
from contracts.people.v1.reports import *
from contracts.people.v1.sanctions import *
from contracts.people.v1.tokens import *
