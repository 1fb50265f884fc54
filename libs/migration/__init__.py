"""Rewriting, once, what earlier versions stored otherwise: words in plain, and what today's facts do not hold any more.

A service gives a plain function that says of a fact how it is stored today. The command that wants it done asks for one
page of the store after another, then has everything made anew that was made of such facts. It keeps the place, and the
store keeps that this is owed; so either may be killed at any moment, and it is all the same how often it is done.
"""

from libs.migration.messages import Begun, Objects, RewrittenPage, Step
from libs.migration.migration import Migration
from libs.migration.today import Put, Today

__all__ = ["Begun", "Migration", "Objects", "Put", "RewrittenPage", "Step", "Today"]
