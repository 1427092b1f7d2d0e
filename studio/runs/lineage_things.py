"""What stands in a lineage: files, runs and weights, each with its digest and whether that is still true."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from curation.errors import StudioError
from studio.runs.folder import RunFolder
from studio.runs.spec import RunSpec
from studio.runs.status import read_result, status_of

Kind = Literal[
    "file", "folder", "weights", "checkpoint", "model", "curate", "generate", "train", "compare", "experiment", "export",
    "map",
]  # fmt: skip
State = Literal["same", "changed", "missing", "unknown"]

_NOT_LOOKED: tuple[State, str] = ("unknown", "")
_EXPORTED = ("adapter", "merged", "gguf", "ollama", "lmstudio")


@dataclass(frozen=True)
class Thing:
    """A node. digest: `sha256:…` or `xxh3:…`, as it was written down, "" for none. state: whether what is on the disk now
    has it; said: what is wrong, in a sentence, "" for nothing. facts: what else is known, in plain values.
    """

    kind: Kind
    name: str
    path: Path | None = None
    digest: str = ""
    state: State = "unknown"
    said: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class KnownRun:
    """A run and what its folder says, read once."""

    folder: RunFolder
    spec: RunSpec
    summary: Mapping[str, Any]

    @property
    def path(self) -> Path:
        """Of its folder."""
        return self.folder.path

    def at(self, path: str | Path) -> Path:
        """A path of its spec, from where this process stands."""
        return Path(self.spec.cwd) / Path(path).expanduser()


def known_run(folder: RunFolder) -> KnownRun | None:
    """None for what another version of studio wrote, or is damaged."""
    from studio.runs.spec import read_spec

    try:
        spec = read_spec(folder)
    except StudioError:
        return None
    result = read_result(folder)
    return KnownRun(folder, spec, result.summary if result is not None else {})


def run_name(run: KnownRun) -> Thing:
    """A run as a node, and nothing more about it."""
    kind: Any = run.spec.kind
    return Thing(kind, run.folder.name, run.path)


def run_thing(run: KnownRun) -> Thing:
    """A run as a node; its digest is that of its recipe."""
    spec = run.spec
    facts: dict[str, Any] = {
        "status": str(status_of(run.folder)),
        "created": spec.created,
        "recipe": spec.recipe.get("name", ""),
        "seed": spec.seed,
        "studio": spec.versions.get("curation-studio", ""),
    }
    facts |= _FACTS.get(spec.kind, _nothing)(run) | _calls(run)
    digest = spec.recipe.get("digest", "")
    return replace(run_name(run), digest=f"recipe:{digest}" if digest else "", facts=facts)


def weights_of(run: KnownRun, *, check: bool) -> Iterator[Thing]:
    """What a training left: its adapter or model, and its checkpoints, of which only sizes are looked at. check: read
    what there is and hold it against what was written down."""
    from training.manifest import Problem, read_manifest, verify_files

    for name in ("adapter", "model"):
        folder = run.path / name
        digest = run.summary.get("weights_sha256", "")
        if folder.is_dir():
            state, said = _verified(folder, digest) if check else _NOT_LOOKED
            yield Thing("weights", name, folder, f"sha256:{digest}" if digest else "", state, said)
        elif Path(str(run.summary.get("weights", ""))).name == name:
            said = f"the {name} of {run.folder.name} is gone."
            yield Thing("weights", name, folder, f"sha256:{digest}", "missing", said)
    for folder in sorted((run.path / "checkpoints").glob("checkpoint-*")):
        state, said = _NOT_LOOKED
        if check:
            manifest = read_manifest(folder)
            problem = manifest if isinstance(manifest, Problem) else verify_files(folder, manifest, contents=False)
            state, said = "same" if problem is None else "changed", _sentence(str(folder), problem)
        yield Thing("checkpoint", folder.name, folder, state=state, said=said)


def exported_by(run: KnownRun, *, check: bool) -> Iterator[Thing]:
    """What an export made, as far as it lies on this machine. check: as in `weights_of`."""
    out = run.spec.options.get("out") or ""
    place = run.at(out) if out else run.path
    for target in run.spec.options.get("targets", ()):
        folder = place / target
        if target not in _EXPORTED:
            continue
        if folder.is_dir():
            state, said = _verified(folder, "") if check else _NOT_LOOKED
            yield Thing("folder", target, folder, state=state, said=said, facts=_files_in(folder))
        elif target in (run.summary.get("results") or {}):
            yield Thing("folder", target, folder, state="missing", said=f"{folder} is gone.")


def base_model(run: KnownRun) -> Thing | None:
    """The model that a training began from; its digest is what the newest checkpoint wrote down, and is not checked."""
    from training.manifest import Manifest, read_manifest

    name = str((run.spec.recipe.get("resolved") or {}).get("model", {}).get("name", ""))
    if not name:
        return None
    digest = ""
    for folder in sorted((run.path / "checkpoints").glob("checkpoint-*"), reverse=True):
        manifest = read_manifest(folder)
        if isinstance(manifest, Manifest) and manifest.facts.get("model"):
            digest = str(manifest.facts["model"])
            break
    path = run.at(name)
    is_gone = name.startswith(("/", ".", "~")) and not path.exists()
    state: State = "missing" if is_gone else "unknown"
    said = f"the base model {name} is gone." if is_gone else ""
    return Thing("model", name, path if path.exists() else None, f"model:{digest}" if digest else "", state, said)


def sha256_now(path: Path, digest: str) -> tuple[State, str]:
    """Whether a file has a SHA-256."""
    from curation.weights.cache import file_digest

    if not path.is_file():
        return "missing", f"{path} is gone."
    if file_digest(path) == digest:
        return "same", ""
    return "changed", f"{path} holds other bytes than those that were written."


def _verified(folder: Path, weights: str) -> tuple[State, str]:
    """A folder of weights against its manifest, every byte, and the manifest against what the run's result says."""
    from training.manifest import Problem, read_manifest, verify_files

    manifest = read_manifest(folder)
    problem = manifest if isinstance(manifest, Problem) else verify_files(folder, manifest)
    if problem is not None:
        return "changed", _sentence(str(folder), problem)
    listed = set() if isinstance(manifest, Problem) else {digest for _, digest in manifest.files.values()}
    if weights and weights not in listed and len(list(folder.glob("*.safetensors"))) == 1:
        return "changed", f"{folder} holds other weights than the run ended with."
    return "same", ""


def _sentence(where: str, problem: Any) -> str:
    return "" if problem is None else f"{where}: {problem}."


def _files_in(folder: Path) -> dict[str, Any]:
    from training.manifest import Manifest, read_manifest

    manifest = read_manifest(folder)
    files = manifest.files if isinstance(manifest, Manifest) else {}
    return {"files": {name: digest for name, (_, digest) in files.items() if name.endswith((".gguf", ".safetensors"))}}


def _nothing(_run: KnownRun) -> dict[str, Any]:
    return {}


def _of_curation(run: KnownRun) -> dict[str, Any]:
    """Counts, and what people decided: whether the dataset is that of these verdicts."""
    from collections import Counter

    from curation.verdicts import JOURNAL, fold, read_journal

    now = fold(read_journal(run.path / JOURNAL).verdicts)
    used = (run.summary.get("verdicts") or {}).get("digest", fold(()).digest())
    said = Counter(of.status or "tagged" for of in now.records.values() if of.status or of.tags)
    found: dict[str, Any] = {"counts": run.summary.get("counts", {})}
    if now:
        found["verdicts"] = dict(sorted(said.items())) | ({"added": len(now.added)} if now.added else {})
        found["verdicts_applied"] = now.digest() == used
    return found


def _of_generation(run: KnownRun) -> dict[str, Any]:
    """Counts, who wrote, and how many people decided about."""
    from curation.synthesis.decisions import decided

    resolved = run.spec.recipe.get("resolved") or {}
    found: dict[str, Any] = {
        "writer": resolved.get("model", {}).get("name", ""),
        "counts": run.summary.get("counts", {}),
    }
    people = len(decided(run.path))
    return found | ({"decided": people} if people else {})


def _of_training(run: KnownRun) -> dict[str, Any]:
    named = ("method", "steps", "records", "validation_records", "losses")
    return {name: run.summary[name] for name in named if name in run.summary}


def _of_comparison(run: KnownRun) -> dict[str, Any]:
    from curation.json_lines import lines_of
    from training.compare.model import ANSWERS, JUDGEMENTS, PROMPTS, VOTES

    sides = (run.spec.recipe.get("resolved") or {}).get("sides", {})
    files = {"prompts": PROMPTS, "answers": ANSWERS, "judgements": JUDGEMENTS, "votes": VOTES}
    found: dict[str, Any] = {"a": sides.get("a", ""), "b": sides.get("b", "")}
    found |= {name: count for name, file in files.items() if (count := len(lines_of(run.path / file)))}
    conclusion = run.summary.get("conclusion")
    return found | ({"conclusion": conclusion} if conclusion else {})


def _of_experiment(run: KnownRun) -> dict[str, Any]:
    return {name: run.summary[name] for name in ("verdict", "sentence") if name in run.summary}


def _of_export(run: KnownRun) -> dict[str, Any]:
    found: dict[str, Any] = {"targets": list(run.spec.options.get("targets", ()))}
    if "passed" in run.summary:
        found["passed"] = run.summary["passed"]
    pushed = (run.summary.get("results") or {}).get("hub")
    return found | ({"hub": pushed.get("path", "")} if isinstance(pushed, Mapping) else {})


def _of_map(run: KnownRun) -> dict[str, Any]:
    topics = run.summary.get("topics")
    return {} if topics is None else {"topics": len(topics), "mapped": run.summary["counts"]["read"]}


_FACTS: Mapping[str, Any] = {
    "curate": _of_curation,
    "generate": _of_generation,
    "train": _of_training,
    "compare": _of_comparison,
    "experiment": _of_experiment,
    "export": _of_export,
    "map": _of_map,
}


def _calls(run: KnownRun) -> dict[str, Any]:
    """What calls of language models came to, where the run made any."""
    from dataclasses import asdict

    path = run.path / "calls.sqlite"
    if not path.is_file():
        return {}
    from curation.llm.ledger import CallLedger

    try:
        with closing(CallLedger(path)) as ledger:
            return {"calls": {name: value for name, value in asdict(ledger.summary()).items() if value}}
    except StudioError:  # of another version, or where nothing may be written
        return {}


def plain(thing: Thing) -> dict[str, Any]:
    """A node in plain values."""
    path = None if thing.path is None else str(thing.path)
    facts = json.loads(json.dumps(thing.facts, default=str))
    return {"kind": thing.kind, "name": thing.name, "path": path, "digest": thing.digest, "state": thing.state,
            "said": thing.said, "facts": facts}  # fmt: skip
