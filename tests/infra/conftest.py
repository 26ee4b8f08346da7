"""The stack, synthesised once per kind of deployment; needs Node.js, but nothing from npm and no AWS account."""

import shutil
from collections.abc import Callable
from functools import cache

import pytest

from .synthesised import Synthesised


@pytest.fixture(scope="session")
def synthesise(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Synthesised]:
    """Synthesises one of KINDS, each once in a session."""
    if shutil.which("node") is None:
        pytest.skip("Node.js is not installed: the stack is not synthesised")
    from .synthesis import synthesise as run

    @cache
    def once(kind: str) -> Synthesised:
        return run(kind, tmp_path_factory.mktemp(kind))

    return once


@pytest.fixture(scope="session")
def prod(synthesise: Callable[[str], Synthesised]) -> Synthesised:
    """The deployment that cdk.json calls prod, with mails and one origin."""
    return synthesise("prod")
