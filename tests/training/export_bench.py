"""What the tests of exporting share: small trained runs, an export done here, and a converter for the tiny model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from train_runs import the_run

from curation.events import Event
from training.export.run import export
from training.export.settings import ExportSettings

SHORT = (
    "schedule.max_steps=6",
    "schedule.accumulation=1",
    "optimizer.learning_rate=0.02",
    "evaluation.retention=false",
    "evaluation.samples=0",
    "checkpoints.every=6",
    "device.kind=cpu",
    "device.threads=1",
)

# A checkout of llama.cpp as far as the studio looks into one. Its converter knows the tiny model and nothing else; with
# BROKEN beside it, it writes other weights than it was given.
_CONVERTER = """
import argparse, json, pathlib, shutil, sys
sys.path.insert(0, {tests!r})
from model_files import write_gguf
parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--outfile", type=pathlib.Path)
parser.add_argument("--outtype", choices=["f16"])
asked = parser.parse_args()
template = (asked.folder / "chat_template.jinja").read_text()
folder = asked.folder
if (pathlib.Path(__file__).parent / "BROKEN").exists():
    from safetensors.numpy import load_file, save_file
    folder = asked.outfile.with_suffix(".folder")
    shutil.copytree(asked.folder, folder)
    tensors = load_file(folder / "model.safetensors")
    save_file({{name: tensor[::-1].copy() for name, tensor in tensors.items()}}, folder / "model.safetensors")
write_gguf(folder, asked.outfile, template=template)
if folder != asked.folder:
    shutil.rmtree(folder)
print("wrote", asked.outfile)
"""


def trained(model: Path, data: Path, runs: Path, *settings: str, preset: str = "lora") -> Path:
    """The folder of a run of some steps, done in this process: the libraries are loaded once for all tests."""
    from studio.cli.main import main

    wanted = [part for setting in (*SHORT, *settings) for part in ("--set", setting)]
    words = ["train", "--data", str(data), "--model", str(model), "--runs-dir", str(runs), "--preset", preset]
    assert main([*words, *wanted, "--allow", "learning_rate", "--quiet"]) == 0
    return the_run(runs)


def export_here(
    source: Path,
    folder: Path,
    *targets: str,
    should_stop: Callable[[], bool] = lambda: False,
    heard: list[dict[str, Any]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Export in this process; returns the summary. heard: gets every event."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = ExportSettings(source=str(source), targets=targets, **{"prompts": 12, "tokens": 12, **more})

    def listen(event: Event) -> None:
        if heard is not None:
            heard.append(event.as_json())

    return export(settings, folder, listener=listen, should_stop=should_stop)


def checkout(folder: Path, *, broken: bool = False) -> Path:
    """A stand-in for a checkout of llama.cpp, for the tiny model."""
    folder.mkdir(parents=True, exist_ok=True)
    script = _CONVERTER.format(tests=str(Path(__file__).resolve().parent))
    (folder / "convert_hf_to_gguf.py").write_text(script)
    if broken:
        (folder / "BROKEN").touch()
    return folder
