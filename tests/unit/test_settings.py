"""Settings: every variable is optional; all faults are named together with their values."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from bandit_selector.errors import InvalidSetting
from bandit_selector.settings import GUIDE_ARMS, read_settings

from infra.service import FUNCTIONS


def test_nothing_set_is_the_guides_configuration() -> None:
    settings = read_settings({})
    assert settings.arms == GUIDE_ARMS
    assert (settings.prior_alpha, settings.prior_beta) == (1.0, 1.0)
    assert settings.silence_counts_after == timedelta(minutes=10)
    assert settings.attribution_window == timedelta(days=7)


def test_texts_become_values() -> None:
    settings = read_settings(
        {
            "ARMS": "svd, two_tower",
            "CONTROL_WEIGHTS": "svd=.7,two_tower=.3",
            "SILENCE_COUNTS_AFTER": "off",
            "ATTRIBUTION_WINDOW": "36h",
            "TIME_ZONE": "Europe/Berlin",
        }
    )
    assert settings.arms == ("svd", "two_tower")
    assert settings.control_weights == {"svd": 0.7, "two_tower": 0.3}
    assert settings.silence_counts_after is None
    assert settings.attribution_window == timedelta(hours=36)
    assert settings.time_zone == ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({}, "shown"),
        ({"SILENCE_COUNTS": "seen"}, "seen"),
        ({"SILENCE_COUNTS": "seen", "SILENCE_COUNTS_AFTER": "off"}, "off"),
    ],
)
def test_which_silence_is_a_failure(given: dict[str, str], rule: str) -> None:
    assert read_settings(given).silence == rule


@pytest.mark.parametrize("name", ["select", "analytics"])
def test_functions_that_record_or_tell_the_silence_get_both_of_its_settings(name: str) -> None:
    (function,) = (one for one in FUNCTIONS if one.name == name)
    assert {"SILENCE_COUNTS_AFTER", "SILENCE_COUNTS"} <= {*function.settings}


def test_a_function_that_is_told_the_arms_is_told_the_weights_too() -> None:
    """Settings refuse weights of other arms, so a function with ARMS alone would not start once svd is gone."""
    told = [{*function.settings} & {"ARMS", "CONTROL_WEIGHTS"} for function in FUNCTIONS]
    assert [named for named in told if len(named) == 1] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("TIME_ZONE", "Mars/Olympus"), ("POLICY", "greedy"), ("PRIOR_ALPHA", "0"), ("ARMS", "SVD!"),
     ("SILENCE_COUNTS", "maybe"), ("SUCCESS_RATING", "1.5"), ("CONTROL_WEIGHTS", "gnn=1"),
     ("ATTRIBUTION_WINDOW", "soon"), ("CONTEXT_FACTORS", "device:Mobile"), ("CONTEXT_FACTORS", "device"),
     ("CONTEXT_FACTORS", "a:b;a:c"), ("DOMINANCE", "off"), ("PRIOR_ALPHA", "inf"), ("PRIOR_BETA", "nan"),
     ("CONTROL_WEIGHTS", "svd=nan"), ("CONTROL_WEIGHTS", "svd=inf"), ("CONTROL_WEIGHTS", "svd=1e39"),
     ("SESSION_GAP", "36501d"), ("SESSION_GAP", "876001h"), ("PUBLISH_EVERY", "999999999.9999999999d")],
)  # fmt: skip
def test_a_value_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=value.replace("!", "").split("=")[0]):
        read_settings({name: value})


def test_events_are_kept_while_feedback_can_still_arrive() -> None:
    assert read_settings({"KEEP_EVENTS": "21d"}).keep_events == timedelta(days=21)
    sentence = r"KEEP_EVENTS 20d must be at least 21d: ATTRIBUTION_WINDOW 7d and the 14d"
    with pytest.raises(InvalidSetting, match=sentence):
        read_settings({"KEEP_EVENTS": "20d"})
    with pytest.raises(InvalidSetting, match="at least 94d"):
        read_settings({"ATTRIBUTION_WINDOW": "80d"})


@pytest.mark.parametrize(
    ("window", "kept", "sentence"),
    [
        ("91d", "400d", "ATTRIBUTION_WINDOW 91d must be at most 90d"),
        ("7d", "1097d", "KEEP_EVENTS 1097d must be at most 1096d"),
    ],
)
def test_windows_are_bounded(window: str, kept: str, sentence: str) -> None:
    assert read_settings({"ATTRIBUTION_WINDOW": "90d", "KEEP_EVENTS": "1096d"}).attribution_window.days == 90
    with pytest.raises(InvalidSetting, match=sentence):
        read_settings({"ATTRIBUTION_WINDOW": window, "KEEP_EVENTS": kept})


def test_all_faults_are_said_at_once() -> None:
    with pytest.raises(InvalidSetting, match=r"POLICY.*HALF_LIFE"):
        read_settings({"POLICY": "greedy", "HALF_LIFE": "-1"})


def test_further_factors_are_read_in_their_order() -> None:
    settings = read_settings({"CONTEXT_FACTORS": "device:mobile|desktop|tv; country:de|at|ch"})
    assert settings.context_factors == {"device": ("mobile", "desktop", "tv"), "country": ("de", "at", "ch")}


def test_a_factor_named_like_another_field_of_the_request_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="may not be named limit"):
        read_settings({"CONTEXT_FACTORS": "limit:few|many"})


def test_factors_whose_keys_would_be_too_long_are_refused() -> None:
    many = ";".join(f"factor{i}:{'x' * 30}" for i in range(6))
    with pytest.raises(InvalidSetting, match="200 fit"):
        read_settings({"CONTEXT_FACTORS": many})
