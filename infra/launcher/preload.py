"""What the fork server imports once for everybody.

Nothing here may start a thread at import, or a forked child would wait for it for ever: chdb and pyarrow stay out, and
numpy (by way of aiortc and av) starts none because the fork server's environment says OPENBLAS_NUM_THREADS=1.
`tests/integration/launcher` checks the number of threads. With aiortc a media process that died is back half a second
of CPU sooner.
"""

import asyncio
import json
import logging

import aiortc.rtcdtlstransport
import aiortc.sdp
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
    "aiortc",
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
