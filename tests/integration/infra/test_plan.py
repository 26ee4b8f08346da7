"""./dev plan reads a log or numbers, prints tables, JSON or a page, and refuses what it cannot plan with."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.local import __main__ as door
from infra.local.traffic import assumed, measured

QUICK = ["--runs", "2", "--days", "3"]


def of_one_context(folder: Path) -> list[str]:
    """Words that plan with a log of one context, which is quick."""
    file = folder / "one.csv"
    rows = [f"{n % 30},2026-03-0{1 + n % 3}T10:00:00,{n % 4 == 0},night|weekday|regular" for n in range(600)]
    file.write_text("\n".join(["user_id,created_at,clicked,context_key", *rows]))
    return ["--from", str(file)]


def planned(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert door.main(["plan", "--json", *QUICK, *words]) == 0
    return json.loads(capsys.readouterr().out)


def old_log(folder: Path) -> Path:
    """Two days of a site's own table: 40 visitors, 10 movies each a day, every fifth clicked."""
    rows = [
        f"{number},{visitor},7,svd,2026-03-0{day}T{8 + visitor % 12:02}:00:00,{str(number % 5 == 0).lower()}"
        for day in (1, 2)
        for visitor in range(1, 41)
        for number in range(10)
    ]
    file = folder / "recommendation_events.csv"
    file.write_text("\n".join(["id,user_id,movie_id,algorithm,created_at,clicked", *rows]))
    return file


def test_numbers_make_traffic() -> None:
    known = assumed(1_000, 700, 0.2, 10, None)
    assert (known.places_per_day, known.visitors_per_day, known.design_effect) == (10_000, 700, 3)
    assert len(known.contexts) == 24
    assert sum(known.mix) == pytest.approx(1)


def test_rows_without_an_outcome_are_clicked_or_not(tmp_path: Path) -> None:
    """The view `recommendation_events` has an outcome for our rows; the site's own have none, or a word of its own."""
    file = tmp_path / "view.csv"
    kinds = ["true,", "false,", "true,bought", "false,success", "true,failure"]
    rows = [f"{number % 20},2026-03-01T10:00:00,{kinds[number % 5]}" for number in range(500)]
    file.write_text("\n".join(["user_id,created_at,clicked,outcome", *rows]))
    assert measured([file]).ctr == pytest.approx(3 / 5)


@pytest.mark.parametrize("row", ["1,2026-03-01T10:00:00,NULL", "1,yesterday,true"])
def test_a_word_that_is_no_value_is_refused_in_a_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, row: str
) -> None:
    file = tmp_path / "log.csv"
    file.write_text(f"user_id,created_at,clicked\n{row}\n2,2026-03-01T11:00:00,true\n")
    assert door.main(["plan", "--from", str(file), *QUICK]) == 1
    said = capsys.readouterr().err
    assert str(file) in said
    assert "cannot be read" in said


def test_a_mix_of_contexts_is_planned_with(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    mix = tmp_path / "mix.csv"
    rows = "context_key,share\nnight|weekday|regular,30\nevening|weekend|power_user,10\n"
    mix.write_text(rows, encoding="utf-8-sig")  # as spreadsheets write it
    made = planned(capsys, "--lists-per-day", "50", "--mix", str(mix))
    contexts = dict(zip(made["traffic"]["contexts"], made["traffic"]["mix"], strict=True))
    assert contexts == {"night|weekday|regular": 0.75, "evening|weekend|power_user": 0.25}
    assert door.main(["plan", *of_one_context(tmp_path), "--mix", str(mix)]) == 2
    for wrong in ("context_key\nx", "context_key,share\nx,-1", "context_key,share\nx,much", ""):
        mix.write_text(wrong)
        assert door.main(["plan", "--lists-per-day", "50", "--mix", str(mix)]) == 1
        assert "share" in capsys.readouterr().err


def test_an_old_log_makes_a_plan(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    known = measured([old_log(tmp_path)])
    assert (known.places_per_day, known.visitors_per_day, known.ctr) == (400, 40, 0.2)
    assert sum(known.mix) == pytest.approx(1)
    assert {key.split("|")[1] for key in known.contexts} == {"weekday", "weekend"}  # a Sunday and a Monday
    made = planned(capsys, *of_one_context(tmp_path))
    assert made["traffic"]["contexts"] == ["night|weekday|regular"]
    assert made["shown"]["0.1"]["0.5"] < made["shown"]["0.05"]["0.5"]


def test_people_get_tables_and_a_page(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = [*of_one_context(tmp_path), "--page", str(tmp_path / "plan.html")]
    assert door.main(["plan", *QUICK, *words]) == 0
    assert "A lift of 10 % is shown after" in capsys.readouterr().out
    assert "Clicks lost while learning" in (tmp_path / "plan.html").read_text()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("user_id,created_at\n1,2026-03-01T10:00:00\n", "lacks clicked"),
        ("user_id,clicked\n1,true\n", "lacks created_at"),
        ("user_id,created_at,clicked\n", "has no rows"),
        ("user_id,created_at,clicked\n1,2026-03-01T10:00:00,false\n", "ctr must lie between 0 and 1"),
        (
            "user_id,created_at,clicked\n1,2026-03-01T10:00:00,false\n1,2026-03-01T10:00:00,true\n",
            "A log of one visitor has none",
        ),
    ],
)
def test_a_log_that_tells_too_little_is_refused(
    text: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log.csv").write_text(text)
    assert door.main(["plan", "--from", str(tmp_path / "log.csv")]) == 1
    assert sentence in capsys.readouterr().err


def test_a_wrong_number_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        door.main(["plan", "--lists-per-day", "nan"])
    assert "not a number above 0" in capsys.readouterr().err
