"""A code is redeemed once, before it expires, by its requester, with the verifier of its challenge."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from infra.local.emulation.sign_in import CODE_LIVES, Authorization, Codes, Redemption, challenge

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, appendix B
PAGE = "http://127.0.0.1:8000/dashboard"
ASKED = Authorization(
    response_type="code",
    client_id="dashboard",
    redirect_uri=PAGE,
    scope="analytics",
    state="12345678",
    code_challenge=challenge(VERIFIER),
    code_challenge_method="S256",
)


def redemption(code: str) -> Redemption:
    return Redemption(
        grant_type="authorization_code", client_id="dashboard", code=code, code_verifier=VERIFIER, redirect_uri=PAGE
    )


def test_the_challenge_is_that_of_the_standard() -> None:
    assert challenge(VERIFIER) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_a_code_is_worth_its_scopes_once() -> None:
    codes = Codes()
    code = codes.grant(ASKED, NOW)
    assert codes.redeem(redemption(code), NOW) == "analytics"
    assert codes.redeem(redemption(code), NOW) is None


@pytest.mark.parametrize(
    ("change", "later"),
    [
        ({"code_verifier": "another"}, timedelta(0)),
        ({"redirect_uri": "http://localhost:8000/dashboard"}, timedelta(0)),
        ({"code": "guessed"}, timedelta(0)),
        ({}, CODE_LIVES),
    ],
)
def test_a_code_in_other_hands_is_worth_nothing(change: dict[str, str], later: timedelta) -> None:
    codes = Codes()
    given = redemption(codes.grant(ASKED, NOW)).model_copy(update=change)
    assert codes.redeem(given, NOW + later) is None


@pytest.mark.parametrize("elsewhere", ["https://evil.example/dashboard", "http://127.0.0.1.evil.example/dashboard"])
def test_no_code_leaves_this_machine(elsewhere: str) -> None:
    with pytest.raises(ValidationError, match="redirect_uri"):
        Authorization.model_validate(ASKED.model_dump() | {"redirect_uri": elsewhere})


def test_a_session_is_renewed_until_it_is_revoked_or_over() -> None:
    codes = Codes()
    token = codes.renewing("analytics", NOW)
    assert codes.renew(token, NOW + timedelta(hours=11)) == "analytics"
    assert codes.renew(token, NOW + timedelta(hours=12)) is None
    codes.revoke(token)
    codes.revoke(token)
    assert codes.renew(token, NOW) is None
