"""Genres in every form that a site may store."""

import json

import pytest
from bandit_selector.health.genres import genres_of, parse_genres
from hypothesis import given
from hypothesis import strategies as st


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


NAMES = st.sampled_from(["Drama", " Drama ", "", "A|B", "1", "True"])
ODD = st.none() | st.booleans() | st.sampled_from([0, 1, 0.0, 1.0])
ENTRIES = NAMES | ODD | st.lists(NAMES, max_size=2) | st.dictionaries(st.sampled_from(["name", "id"]), NAMES | ODD)


@given(st.lists(ENTRIES, max_size=4))
def test_a_column_of_json_gives_the_same_names_as_its_text(entries: list[object]) -> None:
    assert genres_of(entries) == parse_genres(json.dumps(entries))
