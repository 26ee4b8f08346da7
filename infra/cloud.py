"""The CDK command line, fetched once as package-lock.json pins it. Knows npm and node, not what is deployed."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from infra.local.errors import LocalError

ROOT: Final = Path(__file__).parent.parent
CDK: Final = ROOT / "node_modules" / ".bin" / "cdk"


class NodeMissing(LocalError):
    """CDK needs Node.js 20 or newer with npm on PATH; install it, then try again."""


def run_cdk(words: Sequence[str]) -> int:
    """Runs one CDK command from the repository's root on this terminal; returns its exit status."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise NodeMissing(NodeMissing.__doc__)
    if not CDK.exists():
        print("Fetching the CDK command line (once) ...", flush=True)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], check=True, cwd=ROOT)
    return subprocess.run([CDK, *words], check=False, cwd=ROOT).returncode
