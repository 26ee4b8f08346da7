"""The nightly job where somebody watches: builds the candidate lists behind a progress bar. Scores nothing itself."""

from datetime import datetime

from bandit_selector.store.connection import Connection
from rich.console import Console
from rich.progress import Progress, TaskID

from functions.candidates.handler import build


def build_watched(connection: Connection, now: datetime) -> int:
    """Replaces all candidate lists, showing on standard error how far it is; returns how many were written."""
    with Progress(console=Console(stderr=True)) as bar:
        stages: dict[str, TaskID] = {}

        def progress(stage: str, done: int, of: int) -> None:
            if stage not in stages:
                stages[stage] = bar.add_task(stage)
            bar.update(stages[stage], completed=done, total=of)

        return build(connection, progress, now)
