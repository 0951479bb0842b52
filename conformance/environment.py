"""The machine: how its libraries are set up before they are imported, and what it is.

Nothing here imports NumPy or a framework when it is itself imported.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from conformance import __version__

# One thread for each process: the processes of a run share the cores, and more threads than cores
# double its time.
ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
XLA_ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

PACKAGES = (
    "numpy",
    "scipy",
    "ml_dtypes",
    "hypothesis",
    "pytest",
    "pytest-xdist",
    "torch",
    "jax",
    "jaxlib",
    "packaging",
    "threadpoolctl",
    "jinja2",
    "matplotlib",
)
ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("reference", "adapters", "properties", "conformance")  # what decides on a result
VARIABLES = (
    *ONE_THREAD,
    "XLA_FLAGS",
    "JAX_PLATFORMS",
    "JAX_ENABLE_X64",
    "XLA_PYTHON_CLIENT_PREALLOCATE",
    "NVIDIA_TF32_OVERRIDE",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_VISIBLE_DEVICES",
)


def settle() -> None:
    """Set what libraries read once, at their import. What the user has set stays."""
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")
    if "intra_op_parallelism_threads" not in os.environ.get("XLA_FLAGS", ""):
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {XLA_ONE_THREAD}".strip()
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # several processes share one GPU
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # what XLA writes on stderr at its start


def keep_compilations(jax: Path, inductor: Path) -> None:
    """Let JAX and torch.compile keep what they compile in folders, for the other processes and for later runs."""
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(inductor))
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(jax))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


def describe() -> dict[str, Any]:
    """The machine and its software, for environment.json."""
    return {
        "etalon": __version__,
        "python": {"version": platform.python_version(), "implementation": platform.python_implementation()},
        "system": {"name": platform.system(), "release": platform.release(), "machine": platform.machine()},
        "cpu": {"name": _cpu(), "cores": os.cpu_count(), "features": _features()},
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "libraries": _libraries(),
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
    }


def suite() -> dict[str, Any]:
    """Which suite this is: its version, its commit where git knows it, and the hash of what it consists of."""
    digest = hashlib.sha256()
    for path in sorted(path for folder in SOURCES for path in (ROOT / folder).rglob("*.py")):
        # A clone may have the line ends of its system.
        text = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.relative_to(ROOT).as_posix()} {len(text)}\n".encode() + text)
    return {"version": __version__, "commit": _commit(), "source": digest.hexdigest()[:16]}


def _commit() -> str | None:
    """The commit of this clone, with a plus sign where files that it tracks were changed since."""
    git = ["git", "-C", str(ROOT)]
    try:
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, timeout=30, check=True)
        is_same = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", *SOURCES], timeout=30, check=False)
    except (OSError, subprocess.SubprocessError):  # no git, or no clone
        return None
    return head.stdout.strip() + ("" if is_same.returncode == 0 else "+")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _features() -> list[str]:
    """The instruction sets that NumPy has found, which decide which of its loops run."""
    try:
        # Not in NumPy's stubs, and private; np.show_runtime prints the same without giving it.
        found = importlib.import_module("numpy._core._multiarray_umath").__cpu_features__
    except (ImportError, AttributeError):
        return []
    return sorted(name for name, is_there in found.items() if is_there)


def _libraries() -> list[dict[str, Any]]:
    """The BLAS and threading libraries that this process has loaded, without their paths."""
    if "numpy" not in sys.modules:
        return []
    from threadpoolctl import threadpool_info

    return [{k: v for k, v in library.items() if k != "filepath"} for library in threadpool_info()]
