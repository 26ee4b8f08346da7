"""The site's own history shows in stats and monitor under its own names, whatever the site does with its rows."""

from datetime import UTC, datetime, timedelta

from bandit_selector.evidence.tally import Window, group_of
from bandit_selector.lists.names import arm_of
from bandit_selector.store import activity
from bandit_selector.store.connection import Connection
from bandit_selector.store.site_history import sum_next_day
from bandit_selector.store.verification import first_difference

from tests.builders import RULE

NOW = datetime.now(UTC)
ALL = Window(NOW - timedelta(days=100), NOW + timedelta(days=1))
BY_NAME = (
    "SELECT algorithm, count(*), count(*) FILTER (WHERE clicked), count(rating_value),"
    " count(*) FILTER (WHERE thumbs_up) FROM recommendation_events_site GROUP BY algorithm ORDER BY algorithm"
)

DAYS_CHANGED = (
    "SELECT DISTINCT (created_at AT TIME ZONE 'UTC')::date FROM recommendation_events_site"
    " WHERE created_at > now() - interval '1 day'"
)


def summed(connection: Connection, now: datetime = NOW) -> int:
    days = 0
    while sum_next_day(connection, now, RULE):
        days += 1
    return days


def shown(connection: Connection) -> list[tuple[object, ...]]:
    tallies = activity.by_algorithm(connection, ALL)
    return [(name, one.shown, one.clicked, one.rated, one.thumbs_up) for name, one in sorted(tallies.items())]


def test_every_row_is_summed_once_under_its_own_name(adopted: Connection) -> None:
    assert 55 <= summed(adopted) <= 62
    assert shown(adopted) == adopted.execute(BY_NAME).fetchall()
    assert summed(adopted) == 0
    assert {cell.arm for cell in activity.cells(adopted)} >= {
        "svd",
        "hybrid_fallback",
    }
    assert first_difference(adopted) is None


def test_changed_and_new_rows_are_summed_again_and_deleted_old_ones_stay_in_the_sums(adopted: Connection) -> None:
    summed(adopted)
    adopted.execute("UPDATE recommendation_events SET clicked = true WHERE created_at > now() - interval '1 day'")
    adopted.execute("INSERT INTO recommendation_events (user_id, movie_id, algorithm) VALUES (1, 1, 'manual')")
    before = adopted.execute(BY_NAME).fetchall()
    changed = adopted.execute(DAYS_CHANGED).rowcount
    adopted.execute("DELETE FROM recommendation_events WHERE created_at < now() - interval '30 days'")
    assert summed(adopted, NOW + timedelta(minutes=11)) >= changed >= 1
    assert shown(adopted) == before
    assert first_difference(adopted) is None


def test_values_that_are_no_ratings_spoil_no_average(adopted: Connection) -> None:
    adopted.execute("UPDATE recommendation_events SET rated = true, rating_value = 'NaN' WHERE id < 5")
    adopted.execute("UPDATE recommendation_events SET rated = true, rating_value = 1e300 WHERE id BETWEEN 5 AND 9")
    adopted.execute('UPDATE recommendation_events_site SET context = \'{"a": "\\u0000"}\' WHERE id = 9')
    summed(adopted)
    averages = [tally.avg_rating for tally in activity.by_algorithm(adopted, ALL).values() if tally.avg_rating]
    assert averages
    assert all(0.5 <= average <= 5 for average in averages)


def test_the_fallback_of_the_old_application_is_neither_an_arm_nor_treatment(adopted: Connection) -> None:
    assert arm_of("bandit_hybrid_fallback") is None
    assert group_of("bandit_hybrid_fallback") == "other"
    assert adopted.execute("SELECT bandit_group('bandit_hybrid_fallback'), bandit_group('bandit_svd')").fetchone() == (
        "other",
        "treatment",
    )
