"""A server of your product tells Rostrum of a person, creates a Space for them, and follows what happens in it.

Needs `pip install ./libs/client`, and a key of
`rostrum keys create example --for people --for spaces --for tokens --for events`:

    ROSTRUM_URL=http://127.0.0.1:8080 ROSTRUM_KEY=rsk_... python docs/examples/follow_spaces.py
"""

from __future__ import annotations

import os

from rostrum_client import Problem, Rostrum, events, models

with Rostrum(os.environ["ROSTRUM_URL"], os.environ["ROSTRUM_KEY"]) as server:
    server.server.put_person("u-17", models.ToldOfOne(name="Ada Lovelace", handle="ada"))
    try:
        space = server.server.create_space("u-17", models.NewSpace(title="On bees"))
    except Problem as no:
        raise SystemExit(f"no Space: {no.detail}") from no
    print(f"{space.host.name} talks about {space.settings.title}")

    # What a client of Ada's would do, with a token that your server gives it.
    token = server.server.make_token("u-17", models.WantedToken(rights=("listen", "take_part", "host"))).token
    with Rostrum(os.environ["ROSTRUM_URL"], token) as ada:
        ada.spaces.end_space(space.id)

    # `0` is from the beginning; a server of yours keeps `stream.last_id` and continues there.
    stream = server.server.events(space=space.id, last_event_id="0")
    for event in stream:
        match event.data:
            case events.RoomStarted(host=host):
                print(f"{event.name}: by {host.name}")
            case events.RoomEnded(reason=reason):
                print(f"{event.name}: {reason}")
                stream.close()
            case _:
                print(event.name)
