"""A database of an older PostgreSQL, taken over by PostgreSQL's own upgrade and by a dump: every figure is right."""

import pytest

from benchmarks.upgrade import measure, report, software

pytestmark = pytest.mark.long


def test_a_database_of_the_older_version_is_upgraded_and_verifies() -> None:
    with software() as versions:
        found = measure(versions, lists=200)
    assert found.relations > 300  # thirteen weeks of partitions, with their indexes
    assert min(found.linked, found.copied, found.dumped, found.restored) > 0
    assert "| 200 |" in report([found])
