"""A database's address, checked, and as it may be printed. Must not open a connection."""

from typing import Final

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from bandit_selector.errors import InvalidSetting

SECRETS: Final = ("password", "sslpassword", "passfile", "sslkey", "options", "scram_client_key", "scram_server_key")
FORM: Final = (
    "write it like postgresql://USER:PASSWORD@HOST:5432/DATABASE, without a driver such as +psycopg2, and with"
    " %40 for @, %2F for / and %3A for : in the password"
)


def parts_of(url: str) -> dict[str, str]:
    """libpq's parameters in `url`, a URL or keywords; raises InvalidSetting, whose message repeats none of it."""
    try:
        read = conninfo_to_dict(url.replace("\0", "%00"))  # libpq would stop reading at a NUL, and refuses this
    except (ProgrammingError, UnicodeError, ValueError):
        raise InvalidSetting(f"The database's address cannot be read; {FORM}.") from None
    parts = {name: str(value) for name, value in read.items() if value is not None}
    ports = parts.get("port", "").split(",")
    if not all(port == "" or (port.isascii() and port.isdigit() and 0 < int(port) < 65_536) for port in ports):
        raise InvalidSetting(f"The port in the database's address is not a number from 1 to 65535; {FORM}.")
    if not all(map(_is_name, parts.get("host", "").split(","))):
        raise InvalidSetting(f"The host in the database's address cannot be a name; {FORM}.")
    if "@" in parts.get("host", "") + parts.get("dbname", ""):
        raise InvalidSetting(f"The database's address has more than one @; {FORM}.")
    return parts


def _is_name(host: str) -> bool:
    """Whether a host can be looked up: Python refuses a label that is empty or longer than 63 characters."""
    try:
        host.encode("idna")
    except UnicodeError:
        return host.startswith("/")
    return True


def without_secrets(url: str) -> str:
    """The address as keywords, for people and logs."""
    return make_conninfo("", **{name: value for name, value in parts_of(url).items() if name not in SECRETS})
