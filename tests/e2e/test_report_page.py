"""The daily report in a browser: whole and accessible at every width, in both schemes, without a request."""

from typing import Any

import pytest
from playwright.sync_api import Browser

from infra.local.emulation import aws
from infra.local.installation import Installation

from .pages import Watch, violations

pytestmark = pytest.mark.usefixtures("needs_npm")

QUICK = {(390, "dark"), (1280, "light")}
CUT = """[...document.querySelectorAll("svg text")].filter((text) => {
  const [inner, outer] = [text.getBoundingClientRect(), text.closest("svg").getBoundingClientRect()];
  return inner.left < outer.left - 1 || inner.right > outer.right + 1;
}).map((text) => text.textContent)"""


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (width, scheme) if (width, scheme) in QUICK else pytest.param(width, scheme, marks=pytest.mark.long)
        for width in (390, 768, 1280, 1920)
        for scheme in ("light", "dark")
    ],
)
def test_the_report_is_whole_and_accessible(browser: Browser, lively: Installation, width: int, scheme: Any) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    watch, page, asked = Watch(), context.new_page(), list[str]()
    watch.over(page)
    page.on("request", lambda request: asked.append(request.url))
    page.set_content(newest_report(lively))
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CUT) == []
    assert (asked, watch.faults) == ([], [])
    context.close()


def newest_report(service: Installation) -> str:
    bucket = aws.client("s3", service.addresses.aws_endpoint)
    kept = bucket.list_objects_v2(Bucket=service.addresses.bucket)["Contents"]
    (name,) = [it["Key"] for it in kept if it["Key"].endswith("report.html")]
    return bucket.get_object(Bucket=service.addresses.bucket, Key=name)["Body"].read().decode()
