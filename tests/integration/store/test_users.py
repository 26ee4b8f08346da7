"""A site's user by the name in a token: exactly one, by the configured column, of whatever type."""

import pytest
from bandit_selector.errors import InvalidSetting
from bandit_selector.store.connection import Connection
from bandit_selector.store.users import user_id_of


@pytest.fixture(autouse=True)
def site(connection: Connection) -> None:
    connection.execute('ALTER TABLE users ADD username varchar(80), ADD "E mail" text, ADD code bigint')
    connection.execute(
        "INSERT INTO users VALUES (1, 'ada', 'a@example.com', 11), (2, 'bob', 'b@example.com', 12),"
        " (3, 'twin', NULL, 13), (4, 'twin', NULL, NULL)"
    )


@pytest.mark.parametrize(
    ("column", "name", "user"),
    [
        ("username", "ada", 1),
        ("username", "Ada", None),
        ("username", "eve", None),
        ("username", "twin", None),
        ("username", "a\0", None),
        ("username", "' OR true --", None),
        ("E mail", "b@example.com", 2),
        ("id", "2", 2),
        ("id", "ada", None),
        ("id", "9" * 30, None),
        ("code", "13", 3),
    ],
)
def test_a_name_is_one_user_or_none(connection: Connection, column: str, name: str, user: int | None) -> None:
    assert user_id_of(connection, column, name) == user


@pytest.mark.parametrize("column", ["nickname", 'id" = 1 OR "id'])
def test_a_column_that_does_not_exist_is_named(connection: Connection, column: str) -> None:
    with pytest.raises(InvalidSetting, match="SITE_USER_COLUMN"):
        user_id_of(connection, column, "ada")
