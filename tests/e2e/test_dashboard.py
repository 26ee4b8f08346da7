"""The dashboard in a browser, on the whole service: it shows the service's figures."""

import csv
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, Response, Route, expect

from infra.local.emulation import aws
from infra.local.installation import Installation

from .pages import figures, open_dashboard, refuse, row

pytestmark = pytest.mark.usefixtures("needs_npm")


METRICS = {
    "Click-through rate": ("ctr", 1, " %"),
    "Rating conversion": ("rating_conversion", 1, " %"),
    "Average rating": ("avg_rating", 2, ""),
    "Thumbs up": ("thumbs_up_rate", 1, " %"),
    "Thumbs down (higher is worse)": ("thumbs_down_rate", 1, " %"),
}


def compared(metrics: dict[str, Any], heading: str) -> list[str]:
    """A metric's cells in the page's format: both groups, the lift, its bounds and its p-value."""
    metric, digits, unit = METRICS[heading]
    values = [metrics[metric][group] for group in ("treatment", "control")]
    both = ["–" if value is None else f"{written(value, digits)}{unit}" for value in values]
    return [*both, *lifted(metrics[metric]["lift"])]


def lifted(lift: dict[str, float] | None, digits: int = 1) -> list[str]:
    if lift is None:
        return ["–", "too few yet", "–"]
    whole, low, high = (signed(lift[name], digits) for name in ("percent", "percent_low", "percent_high"))
    return [f"{whole} %", f"{low} to {high} %", "< 0.001" if lift["p"] < 0.001 else written(lift["p"], 3)]


def signed(value: float, digits: int) -> str:
    return f"{'+' if value > 0 else ''}{written(value, digits)}"


def written(value: float, digits: int) -> str:
    """As JavaScript's toFixed writes a number, with a real minus sign."""
    return f"{Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)}".replace("-", "−")


def sizes(name: str, group: dict[str, int]) -> str:
    shown, clicked = group["total_recommendations"], group["total_clicks"]
    return f"{name}: {group['users']:,} visitors, {shown:,} movies shown, {clicked:,} clicked"


def test_who_signs_in_sees_the_services_own_figures(page: Page, lively: Installation) -> None:
    open_dashboard(page, lively)
    test = figures(lively, "performance?days=7")["ab_test"]
    assert min(test["metrics"]["ctr"]["treatment"], test["metrics"]["ctr"]["control"]) > 0
    in_the_words_of_statistics(page, test["sentence"])
    for heading in METRICS:
        assert row(page, "Treatment against control", heading) == compared(test["metrics"], heading)
    for name, group in (("Treatment (bandit)", "treatment"), ("Control (hybrid)", "control")):
        expect(page.get_by_text(sizes(name, test["groups"][group]))).to_be_visible()
    assert "code=" not in page.url


def in_the_words_of_statistics(page: Page, sentence: str) -> None:
    """The technical sentence is one level below the decision."""
    told = page.locator(".verdict").get_by_text(sentence)
    expect(told).to_be_hidden()
    page.get_by_text("In the words of statistics").click()
    expect(told).to_be_visible()


def test_what_was_learned_is_what_the_service_counted(page: Page, lively: Installation) -> None:
    open_dashboard(page, lively)
    for arm, found in figures(lively, "bandit/stats")["algorithm_summary"].items():
        rate, _, outcomes = row(page, "Success rate by algorithm", arm.replace("_", " "))
        judged = found["total_successes"] + found["total_failures"]
        assert outcomes == str(judged)
        assert rate == (f"{100 * found['success_rate']:.1f} %" if judged else "–")
    for key, found in figures(lively, "timeline?days=7")["contexts"].items():
        share, shown, ctr = row(page, "Context distribution", readable(key))
        assert (share, shown, ctr) == (f"{found['share']:.1f} %", str(found["shown"]), f"{found['ctr']:.1f} %")


def readable(key: str) -> str:
    return key.replace("_", " ").replace("|", ", ")


def test_the_test_within_a_context_is_shown_for_exploring_and_leaves_the_verdict(
    page: Page, lively: Installation
) -> None:
    open_dashboard(page, lively)
    test = figures(lively, "performance?days=7")["ab_test"]
    key, found = next(iter(test["contexts"].items()))
    of_both = compared(found["metrics"], "Click-through rate")[:2]
    assert row(page, "Lift by context", readable(key)) == [*of_both, *lifted(found["metrics"]["ctr"]["lift"], 0)[:2]]
    page.get_by_role("combobox", name="Context").select_option(key)
    expect(page.get_by_text(found["sentence"])).to_be_visible()
    in_the_words_of_statistics(page, test["sentence"])
    for heading in METRICS:
        assert row(page, "Treatment against control", heading) == compared(found["metrics"], heading)


def test_the_queue_is_shown_as_it_is_now(page: Page, lively: Installation) -> None:
    open_dashboard(page, lively)
    waiting = figures(lively, "queue")
    assert waiting == {"waiting": 0, "underway": 0, "dead_letters": 0, "sentence": ""}
    queue = page.get_by_label("Feedback queue", exact=True)
    expect(queue.get_by_role("definition")).to_have_text(["0", "0", "0"])
    dead = aws.client("sqs", lively.addresses.aws_endpoint)
    dead.send_message(QueueUrl=lively.addresses.dead_letter_queue, MessageBody="{}")
    page.get_by_role("button", name="Refresh").click()
    expect(queue.get_by_role("definition")).to_have_text(["0", "0", "1"])
    summary = page.get_by_label("In short")
    expect(summary).to_contain_text("No: 1 feedback message could not be counted")
    expect(summary).to_contain_text("1 message is in the dead-letter queue: read the consumer's log")
    dead.purge_queue(QueueUrl=lively.addresses.dead_letter_queue)


def test_a_queue_out_of_reach_is_called_unknown_and_costs_no_figure(
    visitor: BrowserContext, lively: Installation
) -> None:
    page = visitor.new_page()
    page.route("**/analytics/queue", lambda route: refuse(route, 503, "SQS is away."))
    open_dashboard(page, lively)
    queue = page.get_by_label("Feedback queue", exact=True)
    expect(queue.get_by_role("definition")).to_have_text(["unknown"] * 3)
    expect(page.get_by_text("SQS is away.")).to_be_visible()
    expect(page.get_by_role("region", name="Treatment against control")).to_be_visible()


def test_a_cell_opens_the_evidence_behind_it_by_keyboard(page: Page, lively: Installation) -> None:
    open_dashboard(page, lively)
    cells = figures(lively, "bandit/stats")["detailed_stats"].values()
    cell = next(cell for cell in cells if cell["probability"] is not None and cell["total_pulls"])
    name = readable(f"{cell['algorithm']}, {cell['context_key']}")
    button = page.get_by_role("button", name=name)
    button.focus()
    page.keyboard.press("Enter")
    evidence = page.get_by_role("region", name="Evidence", exact=True)
    won, lost = cell["total_successes"], cell["total_failures"]
    expect(evidence).to_contain_text(f"{counted(won, 'success', 'successes')}, {counted(lost, 'failure', 'failures')}")
    expect(evidence).to_contain_text(f"Beta({cell['alpha']:.1f}, {cell['beta']:.1f})")
    page.keyboard.press("Enter")
    expect(evidence).to_be_hidden()


def counted(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def test_the_silence_rule_in_force_is_told(page: Page, lively: Installation) -> None:
    open_dashboard(page, lively)
    expect(page.get_by_text("counts as a failure if it gets no feedback within 10 minutes")).to_be_visible()


def test_the_newest_reports_checks_are_listed(page: Page, lively: Installation) -> None:
    open_dashboard(page, lively)
    report = figures(lively, "health")
    expect(page.get_by_text(f"over {report['period_days']} days")).to_be_visible()
    for check, found in report["checks"].items():
        status = row(page, "Checks of the newest report", check.replace("_", " "))[0]
        assert status.endswith(found["status"].replace("_", " "))
    expect(page.locator(".alerts").get_by_role("listitem")).to_have_count(len(report["alerts"]))


def test_a_link_to_a_days_report_leads_there_through_the_sign_in(page: Page, lively: Installation) -> None:
    (listed,) = figures(lively, "reports")["reports"]
    page.goto(f"{lively.addresses.dashboard}#report={listed['day']}")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Continue as analyst").click()
    expect(page.get_by_role("heading", name=f"Report of {listed['day']}")).to_be_visible()
    page.get_by_role("button", name=listed["day"]).click()
    expect(page.get_by_role("heading", name="Newest report", exact=True)).to_be_visible()
    assert "report=" not in page.url


def test_tables_and_charts_are_saved_as_files(page: Page, lively: Installation) -> None:
    open_dashboard(page, lively)
    with page.expect_download() as told:
        page.get_by_role("button", name="Save as CSV: Treatment against control").click()
    assert told.value.suggested_filename == "treatment-against-control.csv"
    with told.value.path().open(newline="") as file:
        head, first, *_ = list(csv.reader(file))
    ctr = figures(lively, "performance?days=7")["ab_test"]["metrics"]["ctr"]
    assert head[:3] == ["Metric", "Treatment (bandit)", "Control (hybrid)"]
    assert first[:3] == ["Click-through rate", f"{ctr['treatment']:.1f}%", f"{ctr['control']:.1f}%"]


def test_filters_change_what_is_asked_and_stay_in_the_address(page: Page, lively: Installation) -> None:
    open_dashboard(page, lively)
    key = next(iter(figures(lively, "timeline?days=7")["contexts"]))
    with page.expect_request("**/analytics/timeline?days=30*"):
        page.get_by_role("combobox", name="Window").select_option("30")
    with page.expect_request(lambda request: "timeline" in request.url and "context_key=" in request.url):
        page.get_by_role("combobox", name="Context").select_option(key)
    page.get_by_role("combobox", name="Group").select_option("control")
    expect(page.get_by_role("columnheader", name="Treatment (bandit)")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("combobox", name="Window")).to_have_value("30")
    expect(page.get_by_role("combobox", name="Group")).to_have_value("control")
    expect(page.get_by_role("combobox", name="Context")).to_have_value(key)


def test_figures_that_cannot_be_renewed_are_called_old(visitor: BrowserContext, lively: Installation) -> None:
    page = visitor.new_page()
    open_dashboard(page, lively)
    page.route("**/analytics/performance**", lambda route: refuse(route, 503, "The database is away."))
    page.get_by_role("button", name="Refresh").click()
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text("The database is away. The figures below are")
    page.unroute("**/analytics/performance**")
    page.get_by_role("button", name="Refresh").click()
    expect(notice).to_be_hidden()


def test_the_figures_renew_themselves(page: Page, lively: Installation) -> None:
    page.clock.install()
    open_dashboard(page, lively)
    with page.expect_request("**/analytics/performance**"), page.expect_request("**/analytics/queue"):
        page.clock.fast_forward(31_000)
    expect(page.get_by_text("Updated 0 s ago")).to_be_visible()


def test_what_is_absent_or_late_is_said_with_what_to_do(visitor: BrowserContext, lively: Installation) -> None:
    page = visitor.new_page()
    report = figures(lively, "health") | {"timestamp": "2026-01-05T09:00:00Z"}
    page.route("**/analytics/health", lambda route: route.fulfill(json=report))
    timeline = figures(lively, "timeline?days=7")
    for point in timeline["points"]:
        point["at"] = "2026-01-05T00:00:00Z"
    page.route("**/analytics/timeline**", lambda route: route.fulfill(json=timeline))
    open_dashboard(page, lively)
    expect(page.get_by_text("Nothing was shown since 5 Jan")).to_contain_text("Look for errors in the select function")
    expect(page.get_by_text("the 9 AM run was missed")).to_contain_text("or run ./dev monitor --days 7")
    page.unroute("**/analytics/health")
    page.route("**/analytics/health", lambda route: refuse(route, 404, "There is no report yet."))
    page.route("**/analytics/timeline**", lambda route: route.fulfill(json=timeline | {"points": []}))
    stats = figures(lively, "bandit/stats")
    nothing = stats | {"summary": stats["summary"] | {"total_pulls": 0}}
    page.route("**/analytics/bandit/stats", lambda route: route.fulfill(json=nothing))
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_text("Nothing was shown in the last 7 days.")).to_contain_text("start simulated visitors")
    hint = "./dev monitor --days 7 makes one and keeps it for this page"
    expect(page.locator(".nothing", has_text="There is no report yet.")).to_contain_text(hint)


def test_the_first_load_is_small_and_comes_packed(page: Page, service: Installation) -> None:
    loaded: list[Response] = []
    page.on("response", lambda answer: loaded.append(answer))
    page.goto(service.addresses.dashboard)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    sizes = {urlsplit(answer.url).path: answer.request.sizes()["responseBodySize"] for answer in loaded}
    assert {"/dashboard", "/dashboard/app.js", "/dashboard/page.css"} <= set(sizes)
    assert sizes["/dashboard/app.js"] < 60_000  # compressed in transfer
    assert sum(sizes.values()) <= 150_000


def test_the_largest_paint_comes_within_a_second(page: Page, lively: Installation) -> None:
    open_dashboard(page, lively)
    assert any(largest_paint(page) < 1_000 for _ in range(5))  # the machine has other work, too: the best counts


def largest_paint(page: Page) -> float:
    """Loads the page again, with its figures; milliseconds until the largest part was painted."""
    page.reload()
    expect(page.get_by_role("heading", name="Who fills the places")).to_be_visible()
    return page.evaluate(
        "new Promise((done) => new PerformanceObserver((seen) => done(seen.getEntries().at(-1).startTime))"
        ".observe({ type: 'largest-contentful-paint', buffered: true }))"
    )


def test_the_page_tells_time_by_the_services_clock(page: Page, lively: Installation) -> None:
    """A demo's clock is its visitors': the answers' Date says what is late, not the browser's clock."""

    def a_month_later(route: Route) -> None:
        answer = route.fetch()
        later = format_datetime(datetime.now(UTC) + timedelta(days=30), usegmt=True)
        route.fulfill(response=answer, headers={**answer.headers, "date": later})

    page.route("**/analytics/**", a_month_later)
    open_dashboard(page, lively)
    expect(page.get_by_text("This report is 30 days old")).to_be_visible()
