"""What the machine does while it trains: memory of this process, and of the GPU what its driver tells."""

from __future__ import annotations

from contextlib import suppress
from typing import Any


class Machine:
    """Asked at every point of the curves; cheap, and never raises."""

    def __init__(self, device_kind: str) -> None:
        import psutil

        self._process = psutil.Process()
        self._gpu = _nvidia() if device_kind == "cuda" else None

    def rss(self) -> int:
        """Bytes of main memory that this process holds."""
        return int(self._process.memory_info().rss)

    def gpu(self) -> dict[str, float]:
        """util (share), memory (bytes used), temperature (°C) and power (W); nothing where there is no driver."""
        if self._gpu is None:
            return {}
        nvml, handle = self._gpu
        found: dict[str, float] = {}
        with suppress(Exception):
            found["util"] = nvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100
        with suppress(Exception):
            found["memory"] = float(nvml.nvmlDeviceGetMemoryInfo(handle).used)
        with suppress(Exception):
            found["temperature"] = float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))
        with suppress(Exception):
            found["power"] = nvml.nvmlDeviceGetPowerUsage(handle) / 1000
        return found


def _nvidia() -> tuple[Any, Any] | None:
    """nvidia-ml-py and this process's GPU."""
    try:
        import os

        import pynvml

        pynvml.nvmlInit()
        return pynvml, pynvml.nvmlDeviceGetHandleByIndex(int(os.environ.get("LOCAL_RANK", "0")))
    except Exception:
        return None
