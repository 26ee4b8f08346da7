"""Every alert says what it means, what to do, and where its limit is set; mails name no metric and link by https."""

import ast
import re
from datetime import UTC, datetime
from pathlib import Path

from bandit_selector import health
from bandit_selector.health.facts import Alert
from bandit_selector.health.incidents import Incident, mails
from bandit_selector.health.meanings import FIGURES, MEANINGS, meaning_of
from bandit_selector.settings import Settings

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 3, 12, 9, tzinfo=UTC)
LINK = "https://example.com/dashboard#report=2026-03-12"
SOURCES = [path.read_text() for path in Path(health.__file__).parent.glob("*.py")]
RAISED = {name for text in SOURCES for name in re.findall(r'\bmetric=f?"([a-z_]+)', text)}


def alert(metric: str) -> Alert:
    words = meaning_of(metric)
    return Alert("warning", metric, 1, 0, "A figure (1) is above 0", "it is high", "n = 5.", "Look.", "check",
                 words.words, words.setting)  # fmt: skip


def test_every_alert_has_a_meaning_and_every_setting_named_exists() -> None:
    assert len(RAISED) >= 17
    assert RAISED - MEANINGS.keys() == set()
    assert {one.setting.lower() for one in MEANINGS.values() if one.setting} <= Settings.model_fields.keys()
    assert meaning_of("arm_without_data:svd") == MEANINGS["arm_without_data"]


def test_no_advice_names_a_setting_a_table_or_a_path() -> None:
    """Those who set a limit find its name in the mail's last line."""
    calls = [call for text in SOURCES for call in ast.walk(ast.parse(text)) if isinstance(call, ast.keyword)]
    advice = [
        ast.unparse(call.value) for call in calls if call.arg == "advice" and not isinstance(call.value, ast.Name)
    ]
    assert len(advice) >= 15
    raw = re.compile(r"`|\b[A-Z]{2,}_|\b[A-Z]+=|\bSELECT\b|\bARMS\b|[a-z]_[a-z]|(?<!docs)/[a-z]")
    assert [text for text in advice if raw.search(text) and not text.startswith("_why")] == []


def test_a_mail_says_what_it_means_what_to_do_and_where_the_report_is() -> None:
    for metric in RAISED:
        (mail,) = mails([alert(metric)], [], (), NOW, LINK)
        assert mail.body.startswith("It is high.\n\nWhat it means: " + MEANINGS[metric].words)
        assert "\nWhat to do: Look.\n" in mail.body
        assert f"\nReport: {LINK}\n" in mail.body
        assert ("\nSetting: " in mail.body) == bool(MEANINGS[metric].setting)
        assert not re.search(rf"\b{metric}\b", mail.body) or "_" not in metric


def test_where_no_address_is_known_no_line_is_left_empty() -> None:
    known = [Incident("lift", "experiment", "the lift fell", "critical", NOW, NOW)]
    for mail in mails([alert("ctr")], known, (), NOW, ""):
        assert "Report" not in mail.body
        assert "s3:" not in mail.body


def test_the_dashboard_calls_each_figure_as_the_report_does() -> None:
    source = (ROOT / "functions" / "monitor" / "dashboard" / "src" / "health.tsx").read_text()
    listed = re.search(r"FIGURES: Record<string, string> = \{(.*?)\};", source, re.DOTALL)
    assert listed
    assert dict(re.findall(r'(\w+): "([^"]+)"', listed[1])) == FIGURES
