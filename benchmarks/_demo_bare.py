"""What a visit of the demo takes where the handlers do nothing: the emulation alone; see `./dev bench demo`."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import aiohttp
import numpy as np
import psutil

from benchmarks._demo_parts import IDLE, seconds_of
from infra.local.demo.crowd import Crowd
from infra.local.demo.loop import NOT_DURABLE, PER_DAY
from infra.local.demo.sample import SEED
from infra.local.demo.world import synthetic
from infra.local.installation import Installation, Plan, announced, installation

WARMING: Final = 200  # first visits, in which processes start


def bare_seconds(visits: int) -> Mapping[str, float]:
    """Seconds of processor time that so many visits take, by part."""
    with TemporaryDirectory(prefix="bandit-bench-") as folder:
        Path(folder).chmod(0o711)  # PostgreSQL runs as another user than root
        return asyncio.run(_run(Path(folder), visits))


async def _run(folder: Path, visits: int) -> Mapping[str, float]:
    plan = Plan(folder, 0, simulated=True, postgres_settings=NOT_DURABLE, fresh=True, handlers=IDLE)
    async with installation(plan) as service, aiohttp.ClientSession() as session:
        with announced(service, plan):
            crowd = _crowd(service, session)
            begin = datetime.now(UTC) - timedelta(days=1 + visits / PER_DAY)
            coming = crowd.world.visits(begin, np.random.default_rng(SEED), PER_DAY)
            await crowd.come(islice(coming, WARMING))
            before = seconds_of(psutil.Process())
            await crowd.come(islice(coming, visits))
            after = seconds_of(psutil.Process())
    return {part: spent - before.get(part, 0.0) for part, spent in after.items()}


def _crowd(service: Installation, session: aiohttp.ClientSession) -> Crowd:
    return Crowd(synthetic(SEED), service.addresses.api, service.issuer, SEED, session)
