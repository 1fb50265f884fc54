"""The gateway: HTTP, live events, WHIP and WHEP, the web client, the operator's page."""
