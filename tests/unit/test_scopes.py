"""Scopes are an exact list of texts, read from every claim and form that API Gateway passes on."""

from typing import Final

import pytest
from bandit_selector.scopes import granted

BOTH = {"analytics", "service"}


GRANTED: Final[list[tuple[object, set[str]]]] = [
    ("analytics", {"analytics"}),
    ("openid analytics", {"analytics"}),
    ("bandit-selector/analytics  service", BOTH),
    ("bandit-selector/service", {"service"}),
    ("[analytics openid]", {"analytics"}),
    ("[bandit-selector/service]", {"service"}),
    ('["analytics","service"]', BOTH),
    ('["analytics", "openid"]', {"analytics"}),
    (["openid", "service"], {"service"}),
    (" analytics ", {"analytics"}),
    ("", set()),
    ("[]", set()),
    (None, set()),
    (7, set()),
    (["evil service", 1, None], set()),
    ("evil/service", set()),
    ("bandit/service", set()),
    ("bandit-selector/evil/service", set()),
    ("/service", set()),
    ("service/", set()),
    ("Service ANALYTICS", set()),
    ("services preanalytics", set()),
    ("evil,service", set()),
    ("service;analytics", set()),
    ("[" * 100_000 + "]", set()),
    ("bandit-selector/call", set()),
    *((f"evil{space}service", set()) for space in "\t\n\v\x1c\x85\xa0\u2003\u2028\u3000"),
    ("[evil\xa0service]", set()),
]


@pytest.mark.parametrize("claim", ["scope", "scp"])
@pytest.mark.parametrize(("given", "expected"), GRANTED)
def test_only_the_listed_texts_grant_a_scope(claim: str, given: object, expected: set[str]) -> None:
    assert granted({claim: given}) == expected


def test_both_claims_count_and_no_other() -> None:
    assert granted({"scope": "analytics", "scp": "[service]"}) == BOTH
    assert granted({"scopes": "analytics", "cognito:groups": "[service]", "roles": ["service"]}) == set()
