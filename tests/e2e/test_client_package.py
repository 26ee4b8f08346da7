"""The browser client's npm package: a site's TypeScript compiles against it as in its README."""

import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
CLIENT: Final = ROOT / "clients" / "browser"
COMPILER: Final = ROOT / "node_modules" / ".bin" / "tsc"
SITE: Final = """
import { connect, type Client } from "bandit-selector-client";
declare const userId: number, token: string;
declare function getCurrentUserId(): number;
export async function first(): Promise<void> { %s }
export async function second(): Promise<Client> { %s return bySession; }
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site with the package of `npm pack` installed."""
    npm = shutil.which("npm")
    if not npm or not COMPILER.is_file():
        pytest.skip("npm or TypeScript is missing; `./dev test` installs it where npm is")
    packed = subprocess.check_output([npm, "pack", "--json", "--pack-destination", tmp_path], cwd=CLIENT, text=True)
    with tarfile.open(tmp_path / json.loads(packed)[0]["filename"]) as archive:
        archive.extractall(tmp_path, filter="data")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "package").rename(tmp_path / "node_modules" / "bandit-selector-client")
    return tmp_path


def test_the_package_holds_the_module_its_types_and_how_to_use_it(site: Path) -> None:
    held = {path.name for path in (site / "node_modules" / "bandit-selector-client").iterdir()}
    assert held == {"client.js", "queue.js", "views.js", "client.d.ts", "package.json", "README.md"}


@pytest.mark.parametrize("resolution", ["bundler", "node16"])
def test_the_readmes_snippets_compile_on_a_strict_site(site: Path, resolution: str) -> None:
    readme = (CLIENT / "README.md").read_text()
    first = re.findall(r"```js\n(.*?)```", readme, re.DOTALL)[0].partition("\n")[2]  # without its import
    second = re.findall(r"```ts\n(.*?)```", readme, re.DOTALL)[0]
    (site / "site.mts").write_text(SITE % (first, second))
    module = "node16" if resolution == "node16" else "esnext"
    options = ["--strict", "--noEmit", "--module", module, "--moduleResolution", resolution, "--lib", "es2022,dom"]
    compiled = subprocess.run(
        [COMPILER, *options, "site.mts"], cwd=site, check=False, capture_output=True, text=True, timeout=60
    )
    assert compiled.stdout == ""
    assert compiled.returncode == 0
