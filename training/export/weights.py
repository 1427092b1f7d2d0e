"""The adapter as it is, and whole weights: copied, or merged and held against the adapter on its base."""

from __future__ import annotations

import gc
import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import StudioError
from curation.weights.find import FoundModel
from curation.weights.folder import weight_files, weights_digest
from curation.writers.atomic import write_atomic
from training.export.card import base_name, model_card
from training.export.check import Check, check_merged, check_template
from training.export.greedy import Greedy, answer_all
from training.export.merge import load_whole, merged, save_tokenizer, save_whole, stored_dtype, with_adapter
from training.export.place import is_whole, made_whole, put
from training.export.prompts import check_prompts
from training.manifest import files_in

if TYPE_CHECKING:
    from training.export.work import Work

REFERENCE = "reference.json"


def export_adapter(work: Work, *, asked: bool) -> Path:
    """The adapter's files, its configuration naming the base as others know it, tokenizer, card and manifest.

    asked: whether it is a result, or only on its way to the Hub. Returns its folder.
    """
    final = work.out / "adapter" if asked else work.folder / "work" / "adapter"
    facts = {"target": "adapter", "weights": work.source.digest, "template": work.template.chat_template()}
    reused = is_whole(final, facts)
    if not reused:
        with made_whole(final, facts) as staged:
            for name in ("adapter_model.safetensors", "adapter_config.json"):
                shutil.copyfile(work.source.path / name, staged / name)
            _name_base(staged / "adapter_config.json", base_name(work.source))
            save_tokenizer(work.tokenizer, work.template, staged)
            (staged / "README.md").write_text(model_card(work.source, "adapter", work.template), encoding="utf-8")
    if asked:
        work.done("adapter", final, reused=reused, weights_sha256=work.source.digest)
    _check_template(work, final)
    return final


def export_merged(work: Work, *, asked: bool) -> Path:
    """Whole weights, and what they answer in `work.answers`. asked: whether they are a result, or only on the way to
    one. Returns their folder."""
    final = work.out / "merged" if asked else work.folder / "work" / "merged"
    if work.source.kind == "model":
        _copy_model(work, final, asked=asked)
    else:
        _merge(work, final, asked=asked)
    _check_template(work, final)
    return final


def load_answers(work: Work, folder: Path) -> None:
    """The whole weights into memory, and their answers to the prompts."""
    if work.model is None:
        digest = weights_digest(weight_files(folder))
        work.model = load_whole(FoundModel(work.name, str(folder), None, "folder", digest), work.source, work.device)
    if not work.answers:
        work.answers = _answers(work, work.model, "asking the merged weights")


def _merge(work: Work, final: Path, *, asked: bool) -> None:
    dtype = stored_dtype(work.settings, work.device)
    facts = {
        "target": "merged",
        "adapter": work.source.digest,
        "base": work.source.base.digest,
        "dtype": dtype,
        "shard_size": work.settings.shard_size,
        "template": work.template.chat_template(),
    }
    reused = is_whole(final, facts)
    wanted = _read_reference(work) if reused else None
    if wanted is None:
        wanted = _ask_and_merge(work, final, facts, dtype, keep=reused)
    load_answers(work, final)
    check = check_merged(wanted, work.answers, dtype)
    if asked:
        files = weight_files(final)
        work.done("merged", final, reused=reused, dtype=dtype, shards=len(files), weights_sha256=weights_digest(files))
    work.checked(check)


def _ask_and_merge(work: Work, final: Path, facts: dict[str, Any], dtype: str, *, keep: bool) -> list[Greedy]:
    """Answers with the adapter on its base; then the two become one, unless that is there already."""
    say = work.progress("loading the base", "models")
    base = load_whole(work.source.base, work.source, work.device)
    tuned = with_adapter(base, work.source.path)
    say(1)
    answers = _answers(work, tuned, "asking base and adapter")
    _write_reference(work, answers)
    if not keep:
        say = work.progress("merging", "models")
        whole = merged(tuned)
        with made_whole(final, facts) as staged:
            save_whole(whole, work.tokenizer, work.template, staged, work.settings, dtype)
            (staged / "README.md").write_text(model_card(work.source, "merged", work.template), encoding="utf-8")
        say(1)
    del base, tuned
    gc.collect()
    return answers


def _copy_model(work: Work, final: Path, *, asked: bool) -> None:
    """A model that was trained whole is one already."""
    facts = {"target": "merged", "weights": work.source.digest, "template": work.template.chat_template()}
    reused = is_whole(final, facts)
    if not reused:
        with made_whole(final, facts) as staged:
            for name in files_in(work.source.path):
                if not name.startswith(("README", "tokenizer", "chat_template", "special_tokens")):
                    put(work.source.path / name, staged / name)
            save_tokenizer(work.tokenizer, work.template, staged)
            (staged / "README.md").write_text(model_card(work.source, "merged", work.template), encoding="utf-8")
    files = weight_files(final)
    same = weights_digest(files) == work.source.digest
    if asked:
        work.done("merged", final, reused=reused, shards=len(files), weights_sha256=weights_digest(files))
    said = "the weights are those that were trained, byte by byte" if same else "the weights are others"
    work.checked(Check("merged", same, said))


def _check_template(work: Work, folder: Path) -> None:
    """Once an export: what is written elsewhere is the same."""
    if not any(check.check == "template" for check in work.checks):
        from transformers import AutoTokenizer

        loaded = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        work.checked(check_template(work.template, loaded))


def _answers(work: Work, model: Any, phase: str) -> list[Greedy]:
    if not work.prompts:
        work.prompts = check_prompts(work.source, work.template, work.tokenizer, work.settings.prompts)
    stops = work.template.stop_ids(work.tokenizer)
    ids = [tokens for _, tokens in work.prompts]
    say = work.progress(phase, "prompts", len(ids))
    return answer_all(model, ids, work.settings.tokens, stops, say, work.should_stop)


def _reference_facts(work: Work) -> dict[str, Any]:
    return {
        "adapter": work.source.digest,
        "base": work.source.base.digest,
        "dtype": work.device.dtype,
        "prompts": work.settings.prompts,
        "tokens": work.settings.tokens,
    }


def _write_reference(work: Work, answers: list[Greedy]) -> None:
    found = {
        "of": _reference_facts(work),
        "prompts": [[text, ids] for text, ids in work.prompts],
        "answers": [answer.as_json() for answer in answers],
    }
    write_atomic(work.folder / REFERENCE, json.dumps(found).encode(), mode=0o600)


def _read_reference(work: Work) -> list[Greedy] | None:
    """What an earlier leg of this export asked and heard; None where it was something else."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads((work.folder / REFERENCE).read_bytes())
        if found["of"] == _reference_facts(work):
            work.prompts = [(str(text), list(ids)) for text, ids in found["prompts"]]
            return [Greedy(**answer) for answer in found["answers"]]
    return None


def _name_base(config: Path, base: str) -> None:
    """No path of this machine in what is passed on."""
    try:
        found = json.loads(config.read_bytes())
    except ValueError as error:
        raise StudioError(f"{config.name} of the adapter is no JSON.", "Train it again, or fetch it again.") from error
    found["base_model_name_or_path"] = base
    config.write_text(json.dumps(found, indent=2, sort_keys=True), encoding="utf-8")
