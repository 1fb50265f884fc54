"""Discovery: what is on, and who of those one follows is there.

It has no aggregates: everything it knows is a read model of others' events. The one event it says, `bar_changed`, is a
hint to somebody who looks at their live bar right now; it is published directly, because one that is lost is made good
by the bar the watcher asks for next.
"""
