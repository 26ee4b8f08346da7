"""CONTRIBUTING.md: its table names modules that exist, its glossary defines every term."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
TEXT: Final = (ROOT / "CONTRIBUTING.md").read_text()
TERMS: Final = (
    "list", "place", "impression", "arm", "algorithm", "cell", "context", "propensity", "probability", "posterior",
    "visitor", "group", "outcome", "settle",
)  # fmt: skip


def section(title: str) -> str:
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_rule_of_the_guide_names_modules_that_exist() -> None:
    rows = re.findall(r"^\| (.+) \| (`.+`) \|$", section("The deployment guide, rule by rule"), re.MULTILINE)
    assert len(rows) >= 20
    missing = [path for _, modules in rows for path in re.findall(r"`([^`]+)`", modules) if not (ROOT / path).is_file()]
    assert missing == []


@pytest.mark.parametrize("term", TERMS)
def test_the_glossary_defines(term: str) -> None:
    assert re.search(rf"^- \*\*{term}\*\*: \S", section("Glossary"), re.MULTILINE)


def test_every_folder_of_the_house_exists() -> None:
    drawing = section("The house").split("```")[1]
    folders = re.findall(r"\b(\w+)/(?=\s|$)", drawing, re.MULTILINE)
    there = {path.name for path in ROOT.glob("**/") if ".venv" not in path.parts and "node_modules" not in path.parts}
    assert set(folders) - there == set()
