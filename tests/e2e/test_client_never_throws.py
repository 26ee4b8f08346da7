"""The browser client never throws into its site: whatever is stored, denied or passed; what it drops, it says."""

import json
from http import HTTPStatus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import BrowserContext, Page

from .client_site import Site, delivered, eventually, open_page

KEY = "bandit-selector.feedback.1"
EVENT = {"key": "k", "action": "click", "body": {"user_id": 1, "event_id": 9, "occurred_at": "2026-11-26T00:00:00Z"}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5) | st.sampled_from([*EVENT, "rating"]),
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.sampled_from([*EVENT, "occurred_at", "underway"]), parts, max_size=4)
        | st.fixed_dictionaries({}, optional=dict.fromkeys([*EVENT, "underway"], parts)).map(
            lambda part: [EVENT | part]
        )
    ),
    max_leaves=10,
)
ODD = {"toString": 0}  # JSON that cannot become text or a number
NASTY = ["null", "{}", "[null]", "[[]]", '[{"body": null}]'] + [
    json.dumps(stored)
    for part in ({"key": ODD}, {"action": ODD}, {"underway": ODD}, {"body": {"occurred_at": ODD}}, {"body": ODD})
    for stored in (EVENT | part, [EVENT | part])
]
STORED = JSON.map(json.dumps) | st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
TRY = """async ([key, texts]) => {
    for (const text of texts) {
        localStorage.setItem(key, text);
        localStorage.setItem(`${key}/${text}`, text);
        const client = connect({ onDropped() { throw new Error("of the site"); } });
        client.track.click({ event_id: 1 });
        client.track.rating({ movie_id: 1 }, 3);
        if (client.pending < 1) return text;
        client.close();
        localStorage.clear();
    }
    await bandit.recommendations();
}"""
BROKEN = {
    "denied": "get() { throw new DOMException('denied', 'SecurityError'); }",
    "missing": "get() { return undefined; }",
    "full": "value: { getItem: () => null, setItem() { throw new DOMException('full', 'QuotaExceededError'); } }",
    "unreadable": "value: { getItem() { throw new Error('unreadable'); }, setItem() {} }",
    "odd": "value: { getItem: () => 7, setItem: () => 7 }",
}
SLOW_CLOCK = """(slow) => {
    const Right = Date;
    Date = class extends Right {
        constructor(...given) { given.length ? super(...given) : super(Right.now() - slow); }
        static now = () => Right.now() - slow;
    };
    bandit.track.click({ event_id: 3 });
    Date = Right;
}"""
WRONG = ["undefined", "null", "{}", "7", "'x'", "[]", "{ event_id: '7' }", "{ event_id: NaN }", "{ event_id: 7n }",
         "{ movie_id: 2 ** 31 }", "{ movie_id: -1 }", "{ movie_id: 1.5 }", "Symbol()", "() => 1",
         "{ get event_id() { throw 1; } }",
         "new Proxy({}, { get() { throw 1; }, getPrototypeOf() { throw 1; }, has() { throw 1; } })"]  # fmt: skip


@pytest.fixture
def page(visitor: BrowserContext, site: Site) -> Page:
    return open_page(visitor, site)


@pytest.mark.long
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(texts=st.lists(STORED, min_size=60, max_size=60))
def test_whatever_is_stored(page: Page, texts: list[str]) -> None:
    faults: list[object] = []
    page.on("pageerror", lambda error: faults.append(error))
    assert page.evaluate(TRY, [KEY, [*NASTY, *texts]]) is None
    assert faults == []


@pytest.mark.parametrize("fault", BROKEN)
def test_whatever_the_storages_do(page: Page, site: Site, fault: str) -> None:
    faults: list[object] = []
    page.on("pageerror", lambda error: faults.append(error))
    for storage in ("localStorage", "sessionStorage"):
        page.evaluate(f"Object.defineProperty(window, '{storage}', {{ configurable: true, {BROKEN[fault]} }})")
    page.evaluate("connect({ assignment: 'session' }).track.click({ event_id: 5 })")
    assert page.evaluate("bandit.recommendations()")["movies"] == []
    eventually(page, lambda: site.accepted == [5])
    assert faults == []


def test_what_is_not_feedback_is_told_and_not_queued(page: Page) -> None:
    warned: list[str] = []
    page.on("console", lambda message: warned.append(message.text))
    for shown in WRONG:
        page.evaluate("window.told = []; connect({ onDropped: (_, reason) => told.push(reason) })")
        page.evaluate(
            f"{{ bandit.track.click({shown}); bandit.track.rating({shown}, 3); bandit.track.seen({shown}); }}"
        )
        page.evaluate(f"{{ bandit.watch(document.body, {shown})(); bandit.watch({shown}, {{ event_id: 1 }})(); }}")
        assert page.evaluate("[...told, bandit.pending]") == ["invalid"] * 5 + [0], shown
    assert sum("it needs the event_id" in text for text in warned) == 5 * len(WRONG)


def test_a_bad_rating_is_told(page: Page) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    wrong = [
        "undefined",
        "null",
        "0",
        "5.5",
        "3.3",
        "'4'",
        "NaN",
        "{}",
        "7n",
        "Symbol()",
        "Object.assign(() => 1, { toString() { throw 1; } })",
    ]
    for stars in wrong:
        page.evaluate(f"bandit.track.rating({{ movie_id: 1 }}, {stars})")
    assert page.evaluate("bandit.pending") == 0
    assert sum("a rating is a number from 0.5 to 5 in halves" in text for text in said) == len(wrong)


def test_what_the_service_refuses_for_good_or_is_too_much_is_told(page: Page, site: Site) -> None:
    page.evaluate(
        """() => {
            window.told = [];
            bandit.close(); // two clients of one page would share the queue, and either might be told
            window.bandit = connect({ onDropped: (event, reason) => told.push([event.event_id, reason]) });
        }"""
    )
    site.answers = [HTTPStatus.UNPROCESSABLE_ENTITY]
    page.evaluate("bandit.track.click({ event_id: 1 })")
    delivered(page)
    page.context.set_offline(True)
    page.evaluate("for (let event_id = 1; event_id <= 502; event_id++) bandit.track.click({ event_id })")
    page.evaluate("bandit.close()")
    page.evaluate("localStorage.clear()")
    page.context.set_offline(False)
    assert page.evaluate("told") == [[1, "refused"], [1, "full"], [2, "full"]]


def test_a_clock_that_is_set_right_drops_nothing(page: Page, site: Site) -> None:
    page.context.set_offline(True)
    page.evaluate(SLOW_CLOCK, 8 * 86_400_000)
    page.context.set_offline(False)
    delivered(page)
    assert site.accepted == [3]


def test_options_that_cannot_work_are_named_at_once(page: Page) -> None:
    for options in ("", "{}", "{ userId: 0, token: () => '' }", "{ userId: 1, token: 'x' }", "null"):
        name, message = page.evaluate(
            f"import('/client.js').then(({{ connect }}) => connect({options})).catch((e) => [e.name, e.message])"
        )
        assert name == "TypeError"
        assert message.startswith("connect() needs userId, a whole number above 0, and token, a function"), options


def test_several_tabs_send_each_event_once(page: Page, site: Site, visitor: BrowserContext) -> None:
    visitor.set_offline(False)
    tabs = [page, *(open_page(visitor, site) for _ in range(3))]
    visitor.set_offline(True)
    for number, tab in enumerate(tabs):
        tab.evaluate(f"for (let i = 1; i <= 10; i++) bandit.track.click({{ event_id: {number * 10} + i }})")
    visitor.set_offline(False)
    for tab in tabs:
        tab.evaluate("dispatchEvent(new Event('online'))")
    delivered(page)
    tabs[1].close(run_before_unload=True)
    page.wait_for_timeout(200)
    assert sorted(site.accepted) == list(range(1, 41))
