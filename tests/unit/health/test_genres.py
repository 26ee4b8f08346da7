"""Genres in every form that a site may store."""

import pytest
from bandit_selector.health.genres import parse_genres


@pytest.mark.parametrize(
    "text",
    [
        '["Drama", "Film-Noir"]',
        '[{"id": 18, "name": "Drama"}, {"id": 3, "name": "Film-Noir"}]',
        '"Drama|Film-Noir"',
        "Drama|Film-Noir",
        "Drama, Film-Noir",
        '["Drama", " Film-Noir ", "Drama", "", null]',
    ],
)
def test_every_form_gives_the_same_names(text: str) -> None:
    assert parse_genres(text) == ("Drama", "Film-Noir")


@pytest.mark.parametrize("text", [None, "", "null", "[]", "{}", "7", '""'])
def test_nothing_is_no_genre(text: str | None) -> None:
    assert parse_genres(text) == ()
