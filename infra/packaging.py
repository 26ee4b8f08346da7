"""What a Lambda function is made of: third-party layers from the lock file, the product layer, one folder of functions.

Needs uv and, to compile, the Lambda runtime's own Python; no Docker. Must not know CloudFormation.
"""

import hashlib
import os
import platform as machine
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from infra.service import LAMBDA_PYTHON

ROOT: Final = Path(__file__).parent.parent
BUILT: Final = ROOT / ".local" / "layers"
PRODUCT: Final = ROOT / "layers" / "bandit_selector"

LayerName = Literal["third_party", "candidates", "archive"]

IN_RUNTIME: Final = (
    "boto3",
    "botocore",
    "jmespath",
    "python-dateutil",
    "s3transfer",
    "six",
    "snapshot-restore-py",
    "urllib3",
)
"""Packages that Lambda's Python runtime already has: 31 MB that a layer need not repeat."""

NEVER_READ: Final = (
    *("*.pyi", "tests", "numpy/_core/include", "numpy/_core/lib", "bin", "sboms"),
    *(f"scipy/{part}" for part in ("cluster", "fftpack", "integrate", "interpolate", "io", "ndimage", "odr")),
    *(f"scipy/{part}" for part in ("optimize", "signal", "stats")),
    *("adbc_driver_duckdb", "duckdb/experimental", "duckdb/query_graph"),
)
"""Folders and files of the wheels that nothing imports at run time."""


@dataclass(frozen=True, slots=True)
class Target:
    """The machine that a layer is made for: a Python version like `3.13` and a wheel platform as uv names it."""

    python: str
    platform: str


LAMBDA: Final = Target(LAMBDA_PYTHON, "aarch64-manylinux_2_28")


class PackagingFailed(Exception):
    """A layer could not be built; the message is the tool's own."""


@dataclass(frozen=True, slots=True)
class Layers:
    """The folders of the four layers, each with `python/` inside."""

    third_party: Path
    candidates: Path
    archive: Path
    product: Path


def build_layers(target: Target = LAMBDA) -> Layers:
    """All four layers; missing ones are built."""
    third_party, candidates, archive = (build_layer(name, target) for name in get_args(LayerName))
    return Layers(third_party, candidates, archive, build_product(target))


def this_machine() -> Target:
    """This machine as target; its wheels are already in the development environment."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Target(version, f"{machine.machine()}-manylinux_2_28")


def build_layer(name: LayerName, target: Target = LAMBDA) -> Path:
    """The folder of a layer (`python/` inside it), rebuilt only when uv.lock or this module changes."""
    folder = BUILT / f"{name}-{target.platform}-{target.python}-{_fingerprint()}"
    if not folder.exists():
        draft = folder.with_name(f"{folder.name}.{os.getpid()}")
        shutil.rmtree(draft, ignore_errors=True)
        _install(name, target, draft / "python")
        _prune(draft / "python")
        if name == "third_party":  # a nightly job may take a second longer to start
            compile_for(target, draft / "python")
        _publish(draft, folder)
    return folder


def build_product(target: Target = LAMBDA) -> Path:
    """The product layer: its folder as it is, with byte code for the target beside each module."""
    folder = BUILT / f"product-{target.python}-{_tree_fingerprint(PRODUCT)}"
    if not folder.exists():
        draft = folder.with_name(f"{folder.name}.{os.getpid()}")
        shutil.copytree(PRODUCT, draft, ignore=shutil.ignore_patterns("__pycache__"))
        compile_for(target, draft / "python")
        _publish(draft, folder)
    return folder


def function_files(package: str) -> list[str]:
    """The .gitignore lines that exclude all but `functions/__init__.py` and the function's own folder."""
    return ["/*", "!/functions", "/functions/*", "!/functions/__init__.py", f"!/functions/{package}", "__pycache__"]


def compile_for(target: Target, folder: Path) -> bool:
    """Byte-compiles `folder` with the target's own Python; False if this machine does not have it.

    Byte code is not checked against sources: a layer never changes, and the upload would lose time stamps.
    """
    python = find_python(target.python)
    if python is None:
        print(
            f"No Python {target.python} on this machine: layers stay uncompiled and start twice as slowly.",
            file=sys.stderr,
        )
        return False
    _run(
        str(python), "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash", "-s", folder, folder
    )
    return True


def find_python(version: str) -> Path | None:
    """An interpreter of exactly `version` (major.minor): this one, one on PATH, or one of pyenv's."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return Path(sys.executable)
    on_path = shutil.which(f"python{version}")
    pyenv = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python3"))
    return Path(on_path) if on_path else (pyenv[-1] if pyenv else None)


def size_mb(folder: Path) -> float:
    """The unzipped size of everything under `folder`, in megabytes (10⁶ bytes), as Lambda counts it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _install(name: LayerName, target: Target, folder: Path) -> None:
    pins = _pins("--no-dev")
    if name != "third_party":
        pins = [pin for pin in _pins("--only-group", name) if pin not in pins]
    wanted = [pin for pin in pins if pin.partition("==")[0] not in IN_RUNTIME]
    folder.mkdir(parents=True)
    listing = folder.parent / "requirements.txt"
    listing.write_text("\n".join(wanted) + "\n")
    _run(
        *("uv", "pip", "install", "--quiet", "--target", folder, "--requirement", listing, "--no-deps"),
        *("--python-version", target.python, "--python-platform", target.platform, "--only-binary", ":all:"),
        *("--link-mode", "copy"),
    )


def _pins(*selection: str) -> list[str]:
    """`name==version ; marker` for every locked package of a selection, without the project itself."""
    flags = ("--frozen", "--no-hashes", "--no-emit-project", "--no-header", "--no-annotate", "--quiet")
    return _run("uv", "export", *flags, *selection).split("\n")[:-1]


def _prune(folder: Path) -> None:
    for pattern in NEVER_READ:
        for path in list(folder.rglob(pattern) if "/" not in pattern else folder.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _publish(draft: Path, folder: Path) -> None:
    """Renames a finished folder to its final name in one step; if another process was first, its folder is used."""
    try:
        draft.rename(folder)
    except OSError:
        shutil.rmtree(draft)


def _fingerprint() -> str:
    return hashlib.sha256((ROOT / "uv.lock").read_bytes() + Path(__file__).read_bytes()).hexdigest()[:12]


def _tree_fingerprint(folder: Path) -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _run(*command: object) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(words, check=False, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise PackagingFailed(f"`{' '.join(words[:3])} …` failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
