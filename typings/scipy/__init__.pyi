"""The part of SciPy that is used here; its own stubs leave most of it unknown to a strict check."""

from typing import Any

optimize: Any
special: Any
stats: Any
