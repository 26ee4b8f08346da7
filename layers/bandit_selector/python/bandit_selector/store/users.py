"""The site's users by the name that its tokens have. Knows the table `users`, and no token."""

from psycopg import errors, sql

from bandit_selector.errors import InvalidSetting
from bandit_selector.store.connection import Connection


def user_id_of(connection: Connection, column: str, name: str) -> int | None:
    """The id of the one user whose `column` is `name`; None if there is none, or more than one.

    Raises InvalidSetting if `users` has no such column.
    """
    if "\0" in name:
        return None
    query = sql.SQL("SELECT id FROM users WHERE {} = %s LIMIT 2").format(sql.Identifier(column))
    try:
        found = connection.execute(query, [name]).fetchall()
    except errors.UndefinedColumn:
        raise InvalidSetting(
            f"SITE_USER_COLUMN={column!r} is not a column of `users`; name the one that has what `sub` has."
        ) from None
    except errors.DataError:  # a name that is not a number, for a column of numbers
        return None
    return found[0][0] if len(found) == 1 else None
