"""The function that migrates in AWS says which tables of the site it does not find, and deploys all the same."""

import pytest
from bandit_selector.store.connection import connect

from functions.migrate.handler import handler
from infra.local import site
from tests.integration.events import context


def test_it_names_what_the_search_path_does_not_find(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    answered = handler({}, context())
    assert [sentence.split()[2] for sentence in answered["missing"]] == ["users", "movies", "ratings"]
    assert answered["applied"]
    assert "The table ratings is not on the search path" in caplog.text
    with connect(empty_database_url) as owner:
        site.create_tables(owner)
    assert handler({}, context())["missing"] == []
