"""A database's address: what cannot be read is refused in a sentence, and its password is in no message."""

import pytest
from bandit_selector.errors import DatabaseUnavailable, InvalidSetting
from bandit_selector.store.address import parts_of, without_secrets
from bandit_selector.store.connection import connect

HIDDEN = "hunter2"
UNREADABLE = [
    f"postgresql+psycopg2://u:{HIDDEN}@db/site",
    f"postgres+asyncpg://u:{HIDDEN}@db/site",
    f"mysql://u:{HIDDEN}@db/site",
    f"postgresql://u:p@{HIDDEN}@db/site",
    f"postgresql://u:p/{HIDDEN}@db/site",
    f"postgresql://u:{HIDDEN}@db:port/site",
    f"postgresql://u:{HIDDEN}@db:99999/site",
    f"postgresql://u:{HIDDEN}@db:0/site",
    f"postgresql://u:{HIDDEN}%zz@db/site",
    f"postgresql://u:{HIDDEN}@[::1/site",
    f"postgresql://u:{HIDDEN}@db/site?nonsense=1",
    f"host=db password='{HIDDEN}",
    f"{HIDDEN}",
    f"host=db port=5432;password={HIDDEN}",
    f"postgresql://u:{HIDDEN}@db/\0",
    f"postgresql://u:{HIDDEN}\ud800@db/site",
    f"postgresql://u:{HIDDEN}@db..example/site",
    f"postgresql://u:x@{HIDDEN * 10}/site",
    f"postgresql://u:x@db,{HIDDEN * 10}:5432/site",
]


@pytest.mark.parametrize("url", UNREADABLE, ids=range(len(UNREADABLE)))
def test_an_address_that_cannot_be_read_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InvalidSetting, match="write it like postgresql://USER:PASSWORD@HOST:5432/DATABASE") as refused:
        connect(url)
    assert HIDDEN not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize(
    ("url", "printed"),
    [
        (f"postgresql://u:{HIDDEN}@db:5432/site", "user=u dbname=site host=db port=5432"),
        (f"postgresql://u@db/site?password={HIDDEN}&sslmode=require", "user=u dbname=site host=db sslmode=require"),
        (f"host=db user=u password={HIDDEN} sslpassword={HIDDEN}", "user=u host=db"),
        (f"postgres://u:{HIDDEN}%40%2F@one:5432,two:5433/site", "user=u dbname=site host=one,two port=5432,5433"),
    ],
)
def test_a_printed_address_has_no_secret(url: str, printed: str) -> None:
    assert without_secrets(url) == printed
    assert parts_of(without_secrets(url)).items() <= parts_of(url).items()


def test_a_server_that_is_away_is_named_without_the_password() -> None:
    with pytest.raises(DatabaseUnavailable, match="cannot be reached") as away:
        connect(f"postgresql://u:{HIDDEN}@127.0.0.1:1/site")
    assert HIDDEN not in str(away.value)
