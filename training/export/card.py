"""The model card: what it is made of, from which records, how well it did, and what that does not show."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.compare.trained import TrainedRun
    from training.export.source import Source
    from training.template import Template


def model_card(source: Source, what: str, template: Template, checks: Sequence[Mapping[str, Any]] = ()) -> str:
    """README.md for `what` (adapter, merged, gguf). checks: what was found when it was loaded back.

    Format: https://huggingface.co/docs/hub/model-cards. Names files by their names alone: no path of this machine.
    """
    front: dict[str, Any] = {
        "library_name": {"adapter": "peft", "gguf": "llama.cpp"}.get(what, "transformers"),
        "pipeline_tag": "text-generation",
        "tags": ["curation-studio", *([source.run.recipe.method.kind] if source.run else [])],
    }
    base = base_name(source)
    if base and "/" in base:
        front["base_model"] = base
    head = "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in front.items())
    title = source.run.recipe.name if source.run else source.path.resolve().name
    blocks = [f"---\n{head}\n---", f"# {title}{f' on {base}' if base else ''}", _about(source, what, template)]
    if source.run is not None:
        blocks += [_metrics(source.run), _data(source.run), _recipe(source.run)]
    blocks += [_checks(checks), _limits(source, what)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def base_name(source: Source) -> str:
    """The base model as others may know it: its name on the Hub, or the name of its folder or file."""
    named = source.given_base or (source.run.recipe.model.name if source.run else "")
    if source.run is None and not named and source.kind == "adapter":
        named = source.base.name
    return Path(named).name if Path(named).exists() or named.startswith(("/", ".", "~")) else named


def _about(source: Source, what: str, template: Template) -> str:
    kinds = {
        "adapter": "An adapter (PEFT), to be loaded on its base.",
        "merged": "Whole weights: the adapter is merged into its base.",
        "gguf": "GGUF files, for llama.cpp, Ollama and LM Studio.",
    }
    if source.kind == "model" and what == "merged":
        kinds["merged"] = "Whole weights."
    described = source.run.recipe.description.strip() if source.run else ""
    name = template.origin if template.name == "auto" else template.name
    return f"{described}\n\n{kinds[what]} Chat template: {name}; answers end with `{template.stops[0]}`.".strip()


def _metrics(run: TrainedRun) -> str:
    summary = _json(run.path / "result.json").get("summary") or {}
    losses = summary.get("losses") or {}
    rows = [
        f"| {split} | {losses.get('base', {}).get(split, float('nan')):.4f} | {loss:.4f} |"
        for split, loss in (losses.get("tuned") or {}).items()
    ]
    if not rows:
        return ""
    effort = f"{summary.get('steps', 0):,} steps, {summary.get('tokens', 0):,} tokens."
    return "\n".join(
        ["## Metrics", "", "| mean loss (nats a token) | base | this |", "|:--|--:|--:|", *rows, "", effort]
    )


def _data(run: TrainedRun) -> str:
    """The sources with their digests; of those that a curation wrote, its recipe and what it read."""
    rows = ["## Data", "", "| source | bytes | XXH3-128 | from |", "|:--|--:|:--|:--|"]
    for entry in run.spec["sources"]:
        path = Path(run.spec["cwd"]) / (entry.get("file") or entry["path"])
        size = f"{entry['size']:,}" if isinstance(entry.get("size"), int) and entry["size"] >= 0 else ""
        rows.append(
            f"| {_cell(Path(entry['name']).name)} | {size} | {entry.get('digest') or ''} | {_cell(_curated(path))} |"
        )
    summary = _json(run.path / "result.json").get("summary") or {}
    if summary:
        held = summary.get("validation_records", 0)
        rows += ["", f"{summary.get('records', 0):,} records were trained on; {held:,} were held out."]
    return "\n".join(rows)


def _curated(path: Path) -> str:
    """Which curation wrote a file: its recipe, and the records that it read and kept."""
    for folder in (path.parent, path.parent.parent):
        spec = _json(folder / "run.json")
        if spec.get("kind") == "curate":
            counts = _json(folder / "summary.json").get("counts") or {}
            told = f", {counts['kept']:,} of {counts['read']:,} records kept" if {"kept", "read"} <= set(counts) else ""
            sources = ", ".join(Path(one["name"]).name for one in spec.get("sources", [])[:5])
            return f"curated from {sources} by recipe {spec['recipe']['name']} ({spec['recipe']['digest'][:12]}){told}"
    return "as it is"


def _recipe(run: TrainedRun) -> str:
    resolved = run.recipe.resolved()
    resolved["model"] = {**resolved["model"], "name": Path(run.recipe.model.name).name or run.recipe.model.name}
    resolved["template"] = {**resolved["template"], "name": Path(run.recipe.template.name).name}
    text = json.dumps(resolved, indent=2, ensure_ascii=False)
    return f"## Training\n\nThe recipe, with every value:\n\n```json\n{text}\n```"


def _checks(checks: Sequence[Mapping[str, Any]]) -> str:
    rows = [f"- {check['check']}: {check['said']}" for check in checks]
    return "\n".join(["## Checked after export", "", *rows]) if rows else ""


def _limits(source: Source, what: str) -> str:
    limits = [
        "Fine-tuned models say what their records say, mistakes and biases included, and can be wrong with confidence.",
        "Nothing here measures safety. What was measured stands above; anything else was not.",
    ]
    losses = _json(source.run.path / "result.json").get("summary", {}).get("losses") if source.run else None
    if losses and "retention" not in (losses.get("tuned") or {}):
        limits.append("Forgetting of what the base could do was not measured.")
    if what == "gguf":
        limits.append("Quantised weights answer differently from the 16-bit ones, small models more than large ones.")
    if source.run is None:
        limits.append("How it was trained, and on what, is not known to the program that exported it.")
    else:
        limits.append("The licence of the base model and of the data hold for it too.")
    return "\n".join(["## Limits", "", *(f"- {limit}" for limit in limits)])


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
