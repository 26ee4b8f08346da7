"""Draws the dashboard with synthetic figures, and joins its pictures to one sheet for each state and scheme.

Run as a module, it writes the sheets into the folder that the tests compare with.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from bandit_selector.settings import Settings
from playwright.sync_api import Browser, Page, Route, sync_playwright

from functions.monitor import page as served

from .conftest import CHROMIUM, FLAGS
from .figures import NOW, answers, shipping

STATES: Final = ("empty", "few", "much", "trouble")
WIDTHS: Final = (390, 768, 1280, 1920)
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
FOLDER: Final = Path(__file__).parent / "golden"
ORIGIN: Final = "http://127.0.0.1:1"
SETTINGS: Final = Settings(sign_in_authorize_url=f"{ORIGIN}/authorize")
TALLEST_ON_A_PHONE: Final = 3_500
TOLERANCE: Final = 0.01
"""The share of a sheet's blocks of 8 × 8 pixels that may differ by more than a tenth of the scale."""
LETTERS: Final = "Does the bandit pay? 0123456789"

JOINED: Final = """async (shots) => {
  const images = await Promise.all(shots.map(async (shot) => {
    const image = new Image();
    image.src = `data:image/png;base64,${shot}`;
    await image.decode();
    return image;
  }));
  const scale = 0.2, sheet = document.createElement("canvas");
  sheet.width = images.reduce((sum, { width }) => sum + Math.round(width * scale) + 8, 0);
  sheet.height = Math.round(Math.max(...images.map(({ height }) => height)) * scale);
  const pen = sheet.getContext("2d");
  pen.fillStyle = "gray";
  pen.fillRect(0, 0, sheet.width, sheet.height);
  pen.imageSmoothingQuality = "high";
  let x = 0;
  for (const image of images) {
    pen.drawImage(image, x, 0, image.width * scale, image.height * scale);
    x += Math.round(image.width * scale) + 8;
  }
  return sheet.toDataURL("image/webp", 0.4).split(",")[1];
}"""
COMPARED: Final = """async (pair) => {
  const [one, other] = await Promise.all(pair.map(async (content) => {
    const image = new Image();
    image.src = `data:image/webp;base64,${content}`;
    await image.decode();
    const blocks = document.createElement("canvas");
    [blocks.width, blocks.height] = [Math.ceil(image.width / 8), Math.ceil(image.height / 8)];
    const pen = blocks.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(image, 0, 0, blocks.width, blocks.height);
    return pen.getImageData(0, 0, blocks.width, blocks.height);
  }));
  if (one.width !== other.width || Math.abs(one.height - other.height) > 2) return 1;
  const rows = Math.min(one.height, other.height), size = rows * one.width;
  let differ = 0;
  for (let block = 0; block < size; block++)
    differ += [0, 1, 2].some((part) => Math.abs(one.data[4 * block + part] - other.data[4 * block + part]) > 25);
  return differ / size;
}"""


@dataclass
class Seen:
    """Of one state: pictures by scheme, the page's real width and height by the window's width, and all faults."""

    shots: dict[str, list[bytes]] = field(default_factory=lambda: {scheme: [] for scheme in SCHEMES})
    widths: dict[int, int] = field(default_factory=dict[int, int])
    heights: dict[int, int] = field(default_factory=dict[int, int])
    faults: list[str] = field(default_factory=list[str])


def look(browser: Browser, state: str, check: Callable[[Page, int], list[str]] = lambda _page, _width: []) -> Seen:
    """Opens a state at every width and in both schemes; `check` adds faults of a page."""
    seen = Seen()
    for width in WIDTHS:
        context = browser.new_context(viewport={"width": width, "height": 900})
        page = context.new_page()
        page.on("console", lambda message: seen.faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: seen.faults.append(str(error)))
        show(page, state)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            seen.shots[scheme].append(page.screenshot(full_page=True))
            seen.faults += check(page, width)
        seen.widths[width], seen.heights[width] = page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
        )
        context.close()
    return seen


def show(page: Page, state: str, view: str = "", **configuration: str) -> None:
    """Opens the built page with a state's figures, signed in; every request is answered here."""
    figures = answers(state)
    if "bandit" in configuration:
        figures["bandit/stats"]["shipping"] = shipping()

    def respond(route: Route) -> None:
        path = route.request.url.removeprefix(f"{ORIGIN}/").partition("?")[0].partition("#")[0]
        if path.startswith("analytics/"):
            return route.fulfill(json=figures[path.removeprefix("analytics/")])
        if path.endswith(served.CONFIGURATION):
            return route.fulfill(json=served.configuration(SETTINGS) | configuration)
        return _file(route, path.removeprefix("dashboard").strip("/") or served.INDEX)

    page.route("**/*", respond)
    page.clock.set_fixed_time(NOW)
    token = f"{{access_token: 'synthetic', expires_at: {NOW.timestamp() * 1000 + 3.6e6}}}"
    page.add_init_script(f"sessionStorage.setItem('bandit-selector.token', JSON.stringify({token}))")
    page.goto(f"{ORIGIN}/dashboard{view}")
    page.get_by_label("In short").wait_for()


def _file(route: Route, name: str) -> None:
    answer = served.serve(name, SETTINGS, {})
    route.fulfill(status=answer["statusCode"], headers=answer["headers"], body=answer["body"])


def sheet(desk: Page, shots: list[bytes]) -> bytes:
    """The pictures side by side at a fifth of their size, as WebP."""
    return b64decode(desk.evaluate(JOINED, [b64encode(shot).decode() for shot in shots]))


def difference(desk: Page, one: bytes, other: bytes) -> float:
    """The share of blocks in which two sheets differ; 1 if their sizes do."""
    return desk.evaluate(COMPARED, [b64encode(one).decode(), b64encode(other).decode()])


def reviewed(state: str, scheme: str) -> bytes:
    return (FOLDER / f"{state}-{scheme}.webp").read_bytes()


def letters(desk: Page) -> str:
    """The width of a line of letters, which tells one font from another."""
    measure = "(text) => { const pen = document.createElement('canvas').getContext('2d'); " \
        "pen.font = '15px system-ui'; return pen.measureText(text).width.toFixed(1); }"  # fmt: skip
    return desk.evaluate(measure, LETTERS)


def same_letters(desk: Page) -> bool:
    return letters(desk) == (FOLDER / "letters.txt").read_text().strip()


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        desk = browser.new_page()
        (FOLDER / "letters.txt").write_text(f"{letters(desk)}\n")
        for state in STATES:
            for scheme, shots in look(browser, state).shots.items():
                (FOLDER / f"{state}-{scheme}.webp").write_bytes(sheet(desk, shots))
        browser.close()


if __name__ == "__main__":
    main()
