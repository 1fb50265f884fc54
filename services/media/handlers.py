"""The requests that a media node answers."""

from __future__ import annotations

from contracts.commands import Nothing
from contracts.media import v1
from libs.bus import Handlers
from services.media.app.ice_fragments import IceFragments
from services.media.app.media_node import MediaNode
from services.media.app.quality import QualityReports


def handlers(node: MediaNode, ice: IceFragments, quality: QualityReports) -> Handlers:
    """Make the table of commands and queries that one node answers."""
    table = Handlers("media")

    table.add(v1.Connect, node.connect)

    @table.on(v1.Disconnect)
    async def disconnect(command: v1.Disconnect) -> Nothing:
        node.disconnect(command.session_id)
        return Nothing()

    @table.on(v1.Trickle)
    async def trickle(command: v1.Trickle) -> Nothing:
        ice.trickle(command.session_id, command.fragment, command.etag)
        return Nothing()

    @table.on(v1.Restart)
    async def restart(command: v1.Restart) -> v1.Restarted:
        return ice.restart(command.session_id, command.fragment)

    @table.on(v1.ConnectionsQuery)
    async def connections(query: v1.ConnectionsQuery) -> v1.Connections:
        return node.connections(query.after)

    @table.on(v1.SpaceQualityQuery)
    async def space_quality(query: v1.SpaceQualityQuery) -> v1.SpaceConnections:
        return await quality.ask(query.space_id)

    return table
