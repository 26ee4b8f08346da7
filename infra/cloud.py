"""The CDK command line, fetched once as package-lock.json pins it. Knows npm and node, not what is deployed."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from infra.local.errors import LocalError

ROOT: Final = Path(__file__).parent.parent
CDK: Final = ROOT / "node_modules" / ".bin" / "cdk"


def context_of(words: Sequence[str], folder: Path) -> dict[str, Any]:
    """The CDK context that these words give (`-c key=value`, `--context key=value`) on top of cdk.json's."""
    given = [value for flag, value in pairwise(words) if flag in {"-c", "--context"}]
    given += [word.partition("=")[2] for word in words if word.startswith("--context=")]
    chosen = {name: value for name, _, value in (one.partition("=") for one in given)}
    return json.loads((folder / "cdk.json").read_text())["context"] | chosen


class NodeMissing(LocalError):
    """CDK needs Node.js 20 or newer with npm on PATH; install it, then try again."""


class NotFetched(LocalError):
    """npm could not fetch the CDK command line; see what it said above, and whether its registry can be reached."""


def run_cdk(words: Sequence[str]) -> int:
    """Runs one CDK command from the repository's root on this terminal; returns its exit status."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise NodeMissing(NodeMissing.__doc__)
    if not CDK.exists():
        print("Fetching the CDK command line (once) ...", flush=True)
        words_of_npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        if subprocess.run(words_of_npm, check=False, cwd=ROOT).returncode:
            raise NotFetched(NotFetched.__doc__)
    return subprocess.run([CDK, *words], check=False, cwd=ROOT).returncode
