"""A movie is read from its text only if the answer with it can be written."""

from bandit_selector.jsontext import as_json
from bandit_selector.store.movies import movies_of


def _read_and_written(depth: int) -> bool:
    """Whether a value nested so deeply is read; whatever is read is written."""
    movies = movies_of({1: f'{{"id":1,"deep":{"[" * depth}{"]" * depth}}}', 2: '{"id":2}'})
    assert as_json([{**movie, "position": 1} for movie in movies.values()])
    assert movies[2] == {"id": 2}
    return "deep" in movies[1]


def test_what_is_read_can_be_written_however_deeply_it_is_nested() -> None:
    read, not_read = 100, 1_000_000
    while not_read - read > 1:
        middle = (read + not_read) // 2
        read, not_read = (middle, not_read) if _read_and_written(middle) else (read, middle)
    for depth in range(read - 20, read + 20):
        assert _read_and_written(depth) == (depth <= read)
