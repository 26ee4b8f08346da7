"""./dev evaluate answers from the database, exported files and the bucket alike, and refuses with a sentence."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, cast

import boto3
import pytest
from bandit_selector.store.connection import Connection

from functions.archive.bucket import folder_of
from infra.local import __main__ as door
from tests.builders import EPOCH, Impression
from tests.integration.archived import lived

BUCKET: Final = {
    "REPORT_BUCKET": "evaluated",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-central-1",
}
FIRST = EPOCH.date()
ARMS = ("svd", "embeddings", "graph")


@pytest.fixture(autouse=True)
def _here(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction] # autouse
    monkeypatch.setenv("DATABASE_URL", database_url)


def evaluated(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert door.main(["evaluate", "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def lists(connection: Connection) -> None:
    """120 lists of four places on three days, of 60 visitors, settled; each second list has a click.

    Twenty ratings are neutral, which is no outcome.
    """
    lived(
        connection,
        [
            Impression(
                number,
                number % 60 + 1,
                place,
                created_at=EPOCH + timedelta(days=number // 41),
                place=place,
                algorithm=f"bandit_{ARMS[(number + place) % 3]}",
                propensity=(0.5, 0.3, 0.2)[(number + place) % 3],
            )
            for number in range(1, 121)
            for place in range(1, 5)
        ],
    )


@pytest.mark.usefixtures("lists")
def test_the_database_and_its_export_answer_alike(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    until = f"{FIRST + timedelta(days=2)}"
    ours = evaluated(capsys, "--until", until, "--days", "3")
    door.main(["export", "--from", f"{FIRST}", "--until", until, "--to", f"{tmp_path}/all.parquet"])
    capsys.readouterr()
    assert evaluated(capsys, "--from", f"{tmp_path}/all.parquet") == ours
    assert (ours["impressions"], ours["visitors"], ours["from"], ours["until"]) == (460, 60, f"{FIRST}", until)
    named = {policy["policy"]: policy for policy in ours["policies"]}
    assert {"svd", "embeddings", "graph", "uniform", "best per context", "independent", "as configured"} <= set(named)
    value = named["svd"]["value"]["doubly_robust"]
    assert value["low"] < value["estimate"] < value["high"]


@pytest.mark.usefixtures("lists")
def test_a_folder_and_the_archives_bucket_answer_as_the_database(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, moto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    until = f"{FIRST + timedelta(days=2)}"
    ours = evaluated(capsys, "--until", until, "--days", "3")
    door.main(["export", "--from", f"{FIRST}", "--until", until, "--to", f"{tmp_path}/days"])
    capsys.readouterr()
    assert evaluated(capsys, "--from", f"{tmp_path}/days") == ours
    for name, value in BUCKET.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    s3 = cast("Any", boto3.client("s3"))
    s3.create_bucket(Bucket=BUCKET["REPORT_BUCKET"], CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for file in (tmp_path / "days").glob("*/*.parquet"):
        day = date.fromisoformat(file.parent.name.removeprefix("date="))
        s3.upload_file(str(file), BUCKET["REPORT_BUCKET"], f"{folder_of(day)}{file.name}")
    assert evaluated(capsys, "--from", "archive", "--until", until, "--days", "3") == ours


@pytest.mark.usefixtures("lists")
def test_rules_and_tables_of_ones_own_are_evaluated(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = "context_key,arm,probability\n*,svd,0.5\n*,embeddings,0.3\n*,graph,0.2\n"
    (tmp_path / "mine.csv").write_text(rows, encoding="utf-8-sig")  # as spreadsheets write it
    words = ["--until", f"{FIRST + timedelta(days=2)}", "--rule", "HALF_LIFE=50 FACTORS=user_type"]
    ours = evaluated(capsys, *words, "--table", f"{tmp_path}/mine.csv")
    assert [policy["policy"] for policy in ours["policies"][-2:]] == ["HALF_LIFE=50 FACTORS=user_type", "mine"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--days", "1", "--until", "2020-01-01"], "no impressions"),
        (["--from", "/nowhere"], "not a Parquet file"),
        (["--rule", "HALF_LIFE=never"], "HALF_LIFE='never'"),
        (["--rule", "SPEED=1"], "there is no setting SPEED"),
        (["--rule", "FACTORS=weather"], "weather is not a factor"),
        (["--table", "/nowhere.csv"], "needs the columns context_key, arm, probability"),
    ],
)
@pytest.mark.usefixtures("connection")
def test_what_cannot_be_answered_is_refused(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert door.main(["evaluate", *words]) == 1
    assert sentence in capsys.readouterr().err


@pytest.mark.usefixtures("lists")
def test_a_table_that_does_not_sum_to_one_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "half.csv").write_text("context_key,arm,probability\n*,svd,0.5\n")
    words = ["evaluate", "--until", f"{FIRST + timedelta(days=2)}", "--table", f"{tmp_path}/half.csv"]
    assert door.main(words) == 1
    assert "not to 1" in capsys.readouterr().err


@pytest.mark.usefixtures("lists")
def test_people_read_a_table_and_how_to_read_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert door.main(["evaluate", "--until", f"{FIRST + timedelta(days=2)}"]) == 0
    said = capsys.readouterr().out
    assert "460 places that the bandit filled for 60 visitors" in said
    assert "clustered by visitor" in said
