"""The browser client delivers every event despite faults of the page, the network and the service."""

import gzip
import subprocess
from http import HTTPStatus

import pytest
from playwright.sync_api import BrowserContext, Page

from .client_site import CLIENT, FOLDER, Site, click, delivered, eventually, open_page

BUNDLER = FOLDER.parents[1] / "node_modules" / ".bin" / "esbuild"


@pytest.fixture
def page(visitor: BrowserContext, site: Site) -> Page:
    return open_page(visitor, site)


def test_each_kind_of_feedback_arrives_in_order_with_the_token_and_its_time(page: Page, site: Site) -> None:
    page.evaluate(
        """() => {
            bandit.track.click({ event_id: 7, title: "Heat" });
            bandit.track.rating({ movie_id: 550 }, 4.5);
            bandit.track.thumbsUp({ event_id: 8 });
            bandit.track.thumbsDown({ event_id: 9 });
            bandit.track.thumbsOff({ event_id: 9 });
        }"""
    )
    delivered(page)
    times = [reaction.pop("occurred_at") for reaction in site.posted]
    assert site.posted == [
        {"user_id": 1, "action": "click", "event_id": 7},
        {"user_id": 1, "action": "rating", "movie_id": 550, "rating": 4.5},
        {"user_id": 1, "action": "thumbs-up", "event_id": 8},
        {"user_id": 1, "action": "thumbs-down", "event_id": 9},
        {"user_id": 1, "action": "thumbs-off", "event_id": 9},
    ]
    assert times == sorted(times)
    assert site.tokens == {"Bearer a-token"}


def test_events_of_an_offline_visitor_arrive_once_when_the_network_is_back(page: Page, site: Site) -> None:
    page.context.set_offline(True)
    click(page, 1, 2, 3)
    page.wait_for_timeout(200)
    assert site.posted == []
    page.context.set_offline(False)
    delivered(page)
    assert site.accepted == [1, 2, 3]


def test_events_survive_a_reload_while_the_service_is_down(page: Page, site: Site) -> None:
    site.answers = [HTTPStatus.SERVICE_UNAVAILABLE] * 3
    click(page, 1, 2)
    eventually(page, lambda: len(site.answers) < 3)
    page.reload()
    page.wait_for_function("window.bandit")
    delivered(page)
    assert [[reaction["event_id"] for reaction in request] for request in site.counted] == [[1, 2]]


def test_a_click_on_a_page_that_closes_at_once_arrives(page: Page, site: Site, visitor: BrowserContext) -> None:
    other = visitor.new_page()
    click(page, 1, 2)
    page.close(run_before_unload=False)
    eventually(other, lambda: {1, 2} <= set(site.accepted))
    again = open_page(visitor, site)
    delivered(again)
    assert set(site.accepted) == {1, 2}


@pytest.mark.parametrize(
    "status", [HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.UNAUTHORIZED]
)
def test_what_the_service_refuses_for_now_is_sent_again(page: Page, site: Site, status: HTTPStatus) -> None:
    site.answers = [status]
    click(page, 1, 2)
    delivered(page)
    assert site.accepted == [1, 2]


@pytest.mark.parametrize("status", [HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY])
def test_what_no_retry_can_mend_is_dropped_and_holds_nothing_up(page: Page, site: Site, status: HTTPStatus) -> None:
    site.refused = {2: status}
    click(page, 1, 2, 3)
    delivered(page)
    assert site.accepted == [1, 3]


def test_feedback_older_than_the_attribution_window_is_not_sent(page: Page, site: Site) -> None:
    page.evaluate(
        """() => localStorage.setItem("bandit-selector.feedback.1", JSON.stringify([8, 6].map((days) => ({
            key: `${days}`, action: "click",
            body: { user_id: 1, event_id: days, occurred_at: new Date(Date.now() - days * 86400e3).toISOString() },
        }))))"""
    )
    page.reload()
    page.wait_for_function("window.bandit")
    delivered(page)
    assert set(site.accepted) == {6}


def test_a_visitor_without_storage_is_served_from_memory(page: Page, site: Site) -> None:
    page.evaluate("Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('denied'); } })")
    site.answers = [HTTPStatus.SERVICE_UNAVAILABLE]
    click(page, 1, 2)
    delivered(page)
    assert site.accepted == [1, 2]


def show_posters(page: Page, count: int, first: int = 1) -> None:
    """A column of watched posters, 400 pixels tall each in a window of 720; their event ids from `first` on."""
    page.evaluate(
        """([first, count]) => {
            for (let event_id = first; event_id < first + count; event_id++) {
                const poster = Object.assign(document.createElement("div"), { id: `poster-${event_id}` });
                poster.style.height = "400px";
                document.body.append(poster);
                bandit.watch(poster, { event_id });
            }
        }""",
        [first, count],
    )


def seen(site: Site) -> list[int]:
    return [event for reaction in site.posted if reaction["action"] == "seen" for event in reaction["event_ids"]]


def test_what_was_half_in_view_for_a_second_is_reported_once_and_in_one_request(page: Page, site: Site) -> None:
    page.evaluate("connect({ gatherFor: 4_000 })")
    show_posters(page, 10)
    page.wait_for_timeout(1_200)
    page.evaluate("scrollTo(0, 400)")  # the first leaves, the third comes
    page.wait_for_timeout(1_200)
    page.evaluate("scrollTo(0, 0)")
    page.evaluate("bandit.track.seen({ event_id: 2 })")
    delivered(page)
    (told,) = site.posted
    assert (told["action"], told["user_id"], sorted(told["event_ids"])) == ("seen", 1, [1, 2, 3])
    assert told["occurred_at"]


def test_what_was_in_view_for_a_moment_was_not_seen(page: Page, site: Site) -> None:
    show_posters(page, 10)
    page.wait_for_timeout(500)
    page.evaluate("scrollTo(0, 2400)")
    page.wait_for_timeout(1_300)
    page.evaluate("bandit.close()")
    delivered(page)
    assert sorted(seen(site)) == [7, 8]


def test_what_was_seen_survives_a_reload_while_the_service_is_down(page: Page, site: Site) -> None:
    site.answers = [HTTPStatus.SERVICE_UNAVAILABLE]
    page.evaluate("[5, 6, 5].forEach((event_id) => bandit.track.seen({ event_id }))")
    page.reload()
    page.wait_for_function("window.bandit")
    delivered(page)
    assert [[reaction["event_ids"] for reaction in request] for request in site.counted] == [[[5, 6]]]


def test_more_than_a_request_takes_is_sent_in_parts(page: Page, site: Site) -> None:
    page.evaluate("for (let event_id = 1; event_id <= 60; event_id++) bandit.track.seen({ event_id })")
    delivered(page)
    assert [len(reaction["event_ids"]) for reaction in site.posted] == [50, 10]


def test_events_that_wait_go_in_few_requests(page: Page, site: Site) -> None:
    page.context.set_offline(True)
    click(page, *range(1, 55))
    page.evaluate("bandit.track.seen({ event_id: 99 })")
    page.evaluate("bandit.close()")  # nothing is collected any more
    page.context.set_offline(False)
    page.reload()
    page.wait_for_function("window.bandit")
    delivered(page)
    once = [reaction for request in site.counted for reaction in request]
    assert [reaction.get("event_id") for reaction in once] == [*range(1, 55), None]
    assert [reaction["event_ids"] for reaction in once if reaction["action"] == "seen"] == [[99]]
    assert [len(request) for request in site.counted] == [25, 25, 5]


def test_an_element_that_is_no_longer_watched_or_shows_another_movie(page: Page, site: Site) -> None:
    show_posters(page, 1)
    page.evaluate(
        """() => {
            bandit.watch(document.getElementById("poster-1"), { event_id: 9 });
            const gone = document.body.appendChild(document.createElement("img"));
            gone.style = "display: block; width: 10px; height: 10px";
            bandit.watch(gone, { event_id: 8 })();
        }"""
    )
    page.wait_for_timeout(1_200)
    page.evaluate("bandit.close()")
    delivered(page)
    assert seen(site) == [9]


def test_another_visitor_of_the_same_browser_keeps_events_apart(page: Page, site: Site) -> None:
    page.context.set_offline(True)
    click(page, 1)
    page.evaluate("connect({ userId: 2 }).track.click({ event_id: 5 })")
    page.context.set_offline(False)
    eventually(page, lambda: len(site.posted) == 2)
    assert sorted((reaction["user_id"], reaction["event_id"]) for reaction in site.posted) == [(1, 1), (2, 5)]


def test_the_client_adds_less_than_three_kilobytes_to_a_site() -> None:
    if not BUNDLER.is_file():
        pytest.skip("esbuild is missing; `./dev test` installs it where npm is")
    made = subprocess.check_output([BUNDLER, CLIENT["/client.js"], "--bundle", "--minify", "--format=esm"])
    assert len(gzip.compress(made)) < 3_000


def test_what_happens_within_half_a_minute_goes_in_one_request(page: Page, site: Site) -> None:
    page.clock.install()
    page.evaluate("connect({ gatherFor: undefined })")
    for event_id in (1, 2, 3):
        click(page, event_id)
        page.evaluate("bandit.track.seen({ event_id: 99 })")
        page.clock.run_for(5_000)  # the clock goes on by itself, too
    assert site.posted == []
    page.clock.run_for(16_000)
    eventually(page, lambda: seen(site) == [99])
    assert [len(request) for request in site.requests] == [4]
    assert [reaction.get("event_id") for reaction in site.posted] == [1, 2, 3, None]


def test_feedback_that_waits_is_sent_before_the_next_list_and_when_the_page_is_hidden(page: Page, site: Site) -> None:
    page.evaluate("connect({ gatherFor: 60_000 })")
    click(page, 1)
    page.evaluate("bandit.recommendations()")
    delivered(page)
    click(page, 2)
    page.evaluate(
        """() => {
            document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
        }"""
    )
    delivered(page)
    assert site.accepted == [1, 2]
