"""The documentation is whole: an index of every page, links that lead somewhere, one number a decision."""

import re
from collections import Counter
from pathlib import Path

import pytest

from infra.local import __main__ as door

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("clients/**/*.md")])


def links(page: Path) -> set[str]:
    """The relative targets of a page's links, without anchors."""
    found = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    return {target for target in found if "://" not in target and not target.startswith("mailto:")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [target for target in links(page) if not (page.parent / target).exists()] == []


def test_the_index_names_every_page() -> None:
    index = ROOT / "docs" / "index.md"
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"} <= links(index)


def test_each_decision_has_its_own_number() -> None:
    numbers = Counter(page.name[:4] for page in (ROOT / "docs" / "decisions").glob("*.md"))
    assert [number for number, pages in numbers.items() if pages > 1] == []


def test_help_knows_for_whom_every_command_is() -> None:
    assert "Others:" not in door.overview()
