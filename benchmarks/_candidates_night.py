"""What one more night's build writes, by how much of the ratings is new. Knows PostgreSQL's log, not the algorithms."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.migrate import migrate

from benchmarks._server import server_url
from functions.candidates.handler import build
from functions.candidates.lists import silent
from infra.local import site


@dataclass(frozen=True, slots=True)
class Night:
    """`news` ratings came since the last build, which wrote `first_wal` bytes as all its lists were new."""

    news: int
    lists: int
    written: int
    wal: int
    first_wal: int


def nights(catalogue: site.Catalogue, shares: Sequence[float]) -> list[Night]:
    """For each share: a build without the newest ratings, then one with them."""
    with server_url(("full_page_writes=off",)) as url, connect(url, statement_seconds=0) as connection:
        site.load(connection, catalogue)
        migrate(connection)
        return [_night(connection, share) for share in shares]


def table(nights: Sequence[Night]) -> str:
    """The nights as Markdown."""
    lines = ["| new ratings | lists | of them written | WAL, MB | of a first build, MB |", "|--:|--:|--:|--:|--:|"]
    for night in nights:
        share = f"{night.written:,} ({night.written / night.lists:.0%})"
        lines.append(
            f"| {night.news:,} | {night.lists:,} | {share} | {night.wal / 1e6:.1f} | {night.first_wal / 1e6:.1f} |"
        )
    return "\n".join(lines) + "\n"


def _night(connection: Connection, share: float) -> Night:
    connection.execute("TRUNCATE recommendation_candidates, movie_popularity, movie_neighbours")
    connection.execute("CREATE TEMPORARY TABLE held AS SELECT * FROM ratings WITH NO DATA")
    held = connection.execute(
        'WITH newest AS (DELETE FROM ratings WHERE "timestamp" > (SELECT percentile_disc(1 - %s::float)'
        ' WITHIN GROUP (ORDER BY "timestamp") FROM ratings) RETURNING *) INSERT INTO held SELECT * FROM newest',
        [share],
    ).rowcount
    _, first_wal = _built(connection)
    connection.execute("INSERT INTO ratings SELECT * FROM held")
    connection.execute("DROP TABLE held")
    (lists, written), wal = _built(connection)
    return Night(held, lists, written, wal, first_wal)


def _built(connection: Connection) -> tuple[tuple[int, int], int]:
    """(lists, written), and the bytes of WAL of one build."""
    before = _wal(connection)
    made = build(connection, silent, datetime.now(UTC))
    return (made.lists, made.written), _wal(connection) - before


def _wal(connection: Connection) -> int:
    row = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint").fetchone()
    return row[0] if row else 0
