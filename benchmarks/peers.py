"""The programs that studio is held against: which release, and an environment of its own for each, made on first use.

Only releases that a package index has, always the same ones. What a peer needs beside itself to do the work that is
compared stands in its line, with a version too where one release more or less decides whether it runs.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from measure import CACHE


@dataclass(frozen=True)
class Peer:
    """What is installed: `package` is the peer itself, pinned; `beside` what it takes besides."""

    package: str
    beside: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """The pinned release."""
        return self.package.partition("==")[2]


FASTTEXT = "fasttext-numpy2-wheel"
PEERS = {
    "cleanllm": Peer("cleanllm==4.0.0"),
    # It would install ray and torch, with all of CUDA, in the middle of its first run.
    "data-juicer": Peer(
        "py-data-juicer==1.6.1", ("aiohttp", FASTTEXT, "ftfy", "selectolax", "ray==2.55.1", "torch==2.13.0")
    ),
    "datasketch": Peer("datasketch==2.0.0"),
    # 0.10.1 hands xxhash strings, which version 4 refuses.
    "datatrove": Peer("datatrove[io,processing]==0.10.1", (FASTTEXT, "orjson", "spacy", "xxhash<4")),
    "dtflow": Peer("dtflow==0.10.6"),
    "gaoya": Peer("gaoya==0.2.2"),
    "llm-sanitizer-pro": Peer("llm-sanitizer-pro[lang]==4.1.1"),
    "rensa": Peer("rensa==0.5.0"),
    "semhash": Peer("semhash==0.5.0", ("tokenlearn-static-model==0.1.1",)),
    "text-dedup": Peer("text-dedup==0.4.0"),
}


class NotInstalledError(Exception):
    """A peer could not be installed here; the message says why, without paths and addresses."""


def python_of(name: str) -> Path:
    """The Python of a peer's environment. Raises NotInstalledError, and tries anew the next time."""
    peer = PEERS[name]
    folder = CACHE / "peers" / name
    wanted = [peer.package, *peer.beside]
    done = folder / ".installed"
    if not done.exists() or json.loads(done.read_text()) != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(["python3", "-m", "venv", folder], check=True)
        command = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
        tried = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if tried.returncode:
            raise NotInstalledError(f"not installed: {_reason(tried.stdout + tried.stderr)}")
        done.write_text(json.dumps(wanted))
    return folder / "bin" / "python"


def _reason(said: str) -> str:
    errors = [line for line in said.splitlines() if line.startswith("ERROR")] or ["pip failed"]
    return re.sub(r"\s*\S*(?:://|/)\S*", " …", errors[0].removeprefix("ERROR: "))[:160]
