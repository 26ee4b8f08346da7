"""The walk of `./dev bench path` over few lists: each way still runs on its own tables."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from bandit_selector.store.connection import connect

from benchmarks import _path_load as load
from benchmarks._path_bare import Bare
from benchmarks._path_walk import walk
from benchmarks._path_ways import Former, Product, Way, prepare
from infra.local.postgres import Postgres


def made(server: Postgres, name: str) -> str:
    """The address of an empty database."""
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    return server.url.rpartition("/")[0] + f"/{name}"


@pytest.mark.parametrize("way", [Product(), pytest.param(Former(), marks=pytest.mark.long)], ids=["product", "former"])
def test_a_way_reads_records_settles_and_counts(server: Postgres, way: Way) -> None:
    url = made(server, f"path_{type(way).__name__.lower()}")
    now = datetime.now(UTC)
    with connect(url) as watcher:
        prepare(way, watcher, 100, now)
        path = walk(way, watcher, lambda once: connect(url, plan_once=once), 10, 200, now)
    assert path.settle.units == 200
    assert path.wal > 0
    assert path.stored > 0


def test_the_bare_writes_are_those_of_the_messages(server: Postgres) -> None:
    now = datetime.now(UTC)
    with connect(made(server, "path_bare")) as own:
        prepare(Bare(), own, 0, now)
        load.fill_lists(own, 50, now - timedelta(minutes=2), now - timedelta(minutes=1), settled=False)
        messages = load.react(load.unsettled_places(own, now - timedelta(minutes=3)), 20, 1, naming=1.0)
        Bare().apply(own, messages, now)
        logged = own.execute("SELECT event_id FROM feedback_events ORDER BY 1").fetchall()
        assert logged == own.execute("SELECT event_id FROM bandit_reactions ORDER BY 1").fetchall()
        assert len(logged) == 20
