"""The whole template of production as last reviewed. Run as a module, it writes the current one."""

import json
import re
import tempfile
from pathlib import Path
from typing import Final

from .synthesised import Synthesised

FILE: Final = Path(__file__).parent / "prod.template.json"


def text(made: Synthesised) -> str:
    """The template with blanks for hashes, which change with every line of code."""
    lines = json.dumps(made.template, indent=1, sort_keys=True)
    lines = re.sub(r"\b[0-9a-f]{64}\b", "HASH", lines)
    return re.sub(r"(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}", r"\1HASH", lines) + "\n"


def main() -> None:
    from .synthesis import synthesise

    with tempfile.TemporaryDirectory() as folder:
        FILE.write_text(text(synthesise("prod", Path(folder))))


if __name__ == "__main__":
    main()
