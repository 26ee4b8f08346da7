"""The session settings that every statement here relies on, whatever the server, database or role sets. Knows no table.

They are set by a statement: connection poolers refuse settings in the start-up packet.
"""

from collections.abc import Mapping
from typing import Any, Final, LiteralString

import psycopg

FIXED: Final[Mapping[str, str]] = {
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "standard_conforming_strings": "on",
    "array_nulls": "on",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "transaction_timeout": "0",  # of PostgreSQL 17 and newer
    "client_min_messages": "notice",
    "search_path": "public",
}
"""Values that the statements and psycopg's readers are written for. `public` is added behind the site's own path."""

ONCE: Final[Mapping[str, str]] = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",  # a plan that is kept may have been made while a week's tables were empty
    "jit": "off",  # which would compile where no index can be read
}
"""What plans that are made once and kept for all parameters rely on."""

FIX: Final[LiteralString] = """
    SELECT set_config(name, CASE name WHEN 'search_path'
        THEN concat_ws(', ', nullif(current_setting(name), ''), value) ELSE value END, %s)
    FROM unnest(%s::text[], %s::text[]) AS fixed (name, value)
    WHERE current_setting(name, true) IS NOT NULL
        AND (name <> 'role' OR EXISTS (
            SELECT FROM pg_roles WHERE rolname = value AND pg_has_role(session_user, oid, 'MEMBER')
        ))
"""


def settings(statement_seconds: float, *, plan_once: bool, role: str = "") -> dict[str, str]:
    """What a connection with these limits runs under; 0 seconds means no limit.

    Where `role` exists and the user may become it, the session has that role's rights, else the user's own.
    """
    once = ONCE if plan_once else {}
    acting = {"role": role} if role else {}
    return {**FIXED, "statement_timeout": str(int(statement_seconds * 1000)), **once, **acting}


def fix(connection: "psycopg.Connection[Any]", wanted: Mapping[str, str], *, for_transaction: bool) -> None:
    """Sets them for the session or for the transaction; one that this server does not know is left out."""
    connection.execute(FIX, [for_transaction, list(wanted), list(wanted.values())], prepare=False)
