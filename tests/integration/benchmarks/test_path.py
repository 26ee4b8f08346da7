"""The walk of `./dev bench path` over few lists: each way still runs on its own tables."""

from datetime import UTC, datetime

import psycopg
import pytest
from bandit_selector.store.connection import connect

from benchmarks._path_walk import walk
from benchmarks._path_ways import Former, Product, Way, prepare
from infra.local.postgres import Postgres


@pytest.mark.parametrize("way", [Product(), pytest.param(Former(), marks=pytest.mark.long)], ids=["product", "former"])
def test_a_way_reads_records_settles_and_counts(server: Postgres, way: Way) -> None:
    name = f"path_{type(way).__name__.lower()}"
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    url = server.url.rpartition("/")[0] + f"/{name}"
    now = datetime.now(UTC)
    with connect(url) as watcher, connect(url) as own:
        prepare(way, watcher, 100, now)
        path = walk(way, watcher, own, 10, 200, now)
    assert path.settle.units == 200
    assert path.wal > 0
    assert path.stored > 0
