"""What the fork server imports once for everybody.

Nothing here may start a thread at import, or a forked child would wait for it for ever: chdb, pyarrow, numpy and
whatever imports them (av, aiortc) stay out. `tests/integration/launcher` checks the number of threads.
"""

import asyncio
import json
import logging

import cryptography.hazmat.primitives.asymmetric.ed25519
import eventsourcing.application
import eventsourcing.sqlite
import fastapi
import faststream
import faststream.nats
import httptools
import jwt
import msgspec
import nats
import nats.js
import opentelemetry.sdk.trace
import prometheus_client
import pydantic
import pydantic_settings
import uvicorn
import uvloop

import contracts.catalogue
import infra.launcher.child
import libs.eventstore
import libs.identity
import libs.readmodel
import libs.relay
import libs.service

__all__ = [
    "asyncio",
    "contracts",
    "cryptography",
    "eventsourcing",
    "fastapi",
    "faststream",
    "httptools",
    "infra",
    "json",
    "jwt",
    "libs",
    "logging",
    "msgspec",
    "nats",
    "opentelemetry",
    "prometheus_client",
    "pydantic",
    "pydantic_settings",
    "uvicorn",
    "uvloop",
]  # fmt: skip
