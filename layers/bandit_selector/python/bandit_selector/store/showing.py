"""What is recorded of every list, whether the service or the site fills its places. Knows no arm and no movie."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from bandit_selector.evidence.requests import Requests
from bandit_selector.store.connection import Connection, transaction
from bandit_selector.store.locks import Lock
from bandit_selector.store.movies import WHOLE

COLUMNS: Final = (
    "id, created_at, user_id, posterior_version, context_key, ab_group, silence, counted_places, ramp_phase"
)
"""The columns of bandit_lists that `values` fills."""
UNCHANGED: Final = """(%(known)s::bigint IS NULL OR %(known)s = (
    SELECT count(*) FROM bandit_lists
    WHERE user_id = %(user_id)s AND seed = %(seed)s::text AND created_at > %(now)s - interval '1 hour'
        AND created_at < %(now)s + interval '1 hour'
))"""
"""SQL for whether the seed has no other lists than the `known`; true without a seed."""


@dataclass(frozen=True, slots=True)
class Key:
    """What names a test: EXPERIMENT_SALT, and the UTC midnight from which it counts (None: from its first list)."""

    salt: str
    started: datetime | None

    @property
    def parameters(self) -> dict[str, Any]:
        return {"salt": self.salt, "started": self.started or "-infinity"}


@dataclass(frozen=True, slots=True)
class Showing:
    """What is recorded of a list beside its places; see bandit_lists. `movie` is the SQL of an answer's movie.

    `requests` are what the process has counted by group and not written yet.
    """

    user_id: int
    context_key: str
    ab_group: str | None
    silence: str
    seed: str | None
    version: int | None
    bound: int | None = None  # how many places of the visitor count in a UTC day; None: all
    known: int | None = None  # how many lists of the seed there were when it was read; None without a seed
    movie: str = WHOLE
    test: Key | None = None  # None while no test runs
    share: float = 0.0  # of treatment, as planned now
    requests: Mapping[str, Requests] = field(default_factory=dict[str, Requests])


@contextmanager
def recording(connection: Connection, showing: Showing, now: datetime) -> Generator[None]:
    """What one statement that records a list runs in: in a transaction only if there are requests to write with it."""
    if not showing.requests:
        yield
        return
    with transaction(connection):
        record_requests(connection, showing, now)
        yield


def record_requests(connection: Connection, showing: Showing, now: datetime) -> None:
    """Writes what a process has counted of its requests: a statement only if there is something.

    Nothing is written where the list will not be recorded either, because its seed has other lists than the `known`:
    the request is made again, and takes the counts along again.
    """
    if showing.requests:
        numbers, failed, slow, failed_of, slow_of = zip(*map(astuple, showing.requests.values()), strict=True)
        connection.execute(
            f"""
            INSERT INTO bandit_requests SELECT %(now)s, * FROM unnest(%(groups)s::text[], %(numbers)s::integer[],
                %(failed)s::integer[], %(slow)s::integer[], %(failed_of)s::bigint[], %(slow_of)s::bigint[])
            WHERE {UNCHANGED}
            """.encode(),  # noqa: S608 # our own SQL
            {
                "now": now,
                "user_id": showing.user_id,
                "seed": showing.seed,
                "known": showing.known,
                "groups": list(showing.requests),
                "numbers": list(numbers),
                "failed": list(failed),
                "slow": list(slow),
                "failed_of": list(failed_of),
                "slow_of": list(slow_of),
            },
        )


def values(places: str) -> str:
    """SQL of COLUMNS; `places` is the SQL of the list's number of places.

    `counted_places` is how many of them count within their visitor's bound, NULL if all do.
    """
    return f"""bandit_list_id(%(now)s), %(now)s, %(user_id)s, %(version)s, %(context_key)s, %(ab_group)s, %(silence)s,
        CASE WHEN %(bound)s::integer IS NOT NULL THEN
            nullif(least({places}, bandit_room(%(lock)s, %(user_id)s, %(day)s, %(bound)s)), {places})
        END,
        CASE WHEN %(salt)s::text IS NOT NULL THEN
            bandit_phase(%(salt)s, %(started)s::timestamptz, %(share)s::real, %(now)s)
        END"""


def parameters(showing: Showing, now: datetime) -> dict[str, Any]:
    """The parameters of `values`, for a list that is recorded at `now`."""
    return {
        "now": now,
        "day": now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0),
        "bound": showing.bound,
        "lock": Lock.VISITOR,
        "user_id": showing.user_id,
        "version": showing.version,
        "context_key": showing.context_key,
        "ab_group": showing.ab_group,
        "silence": showing.silence,
        "share": showing.share,
        **(showing.test.parameters if showing.test else {"salt": None, "started": None}),
    }
