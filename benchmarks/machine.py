"""The machine that times depend on: processor, vector instructions and BLAS."""

from __future__ import annotations

import os
import platform
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["blas", "machine"]

#: How the names of vector instructions begin, among the flags of /proc/cpuinfo.
_VECTOR = ("sse4", "avx", "fma", "asimd", "sve")


def machine() -> dict[str, Any]:
    """Processor, cores, system, vector instructions and BLAS, as far as they can be told."""
    about = _cpuinfo()
    flags = about.get("flags", about.get("Features", "")).split()
    return {
        "processor": about.get("model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "vector": sorted(flag for flag in flags if flag.startswith(_VECTOR)),
        "blas": blas(),
    }


def blas() -> str:
    """Library, version and kernel of the BLAS that NumPy calls, which it picks by processor.

    "unknown" where threadpoolctl is missing or knows of none, as of macOS's Accelerate.
    """
    if find_spec("threadpoolctl") is None:
        return "unknown"
    import numpy as np
    from threadpoolctl import threadpool_info

    np.dot(np.ones((2, 2)), np.ones((2, 2)))  # it is loaded by now in any case
    found = [one for one in threadpool_info() if one["user_api"] == "blas"]
    keys = "internal_api", "version", "architecture"
    words = [" ".join(str(one[key]) for key in keys if one.get(key)) for one in found]
    return "; ".join(dict.fromkeys(words)) or "unknown"


def _cpuinfo() -> dict[str, str]:
    """The first processor's entries in /proc/cpuinfo, if there is one."""
    file = Path("/proc/cpuinfo")
    if not file.exists():
        return {}
    first = file.read_text().partition("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}
