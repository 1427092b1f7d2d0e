"""Making a generation's folder, starting one, and what one may go on with."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import InputError, StudioError
from studio.runs.folder import RunFolder, create, every
from studio.runs.lock import RunLock

if TYPE_CHECKING:
    from curation.synthesis.recipe import GenerateRecipe

RECIPE = "recipe.yaml"
_EARLIER = 20  # ledgers of earlier runs that are looked into, newest first


def entry_of(recipe: GenerateRecipe) -> dict[str, Any]:
    """The `recipe` part of run.json."""
    return {
        "name": recipe.name,
        "digest": recipe.digest(),
        "yaml": recipe.to_yaml(),
        "resolved": recipe.resolved(),
        "stages": stages_of(recipe),
        "seed": recipe.ask.seed,
    }


def stages_of(recipe: GenerateRecipe) -> list[str]:
    """What a generation does, in order."""
    prepared = ["convert", "cut"] if recipe.source.kind == "documents" else ["read"]
    return [*prepared, "ask", "gates", *(["judge"] if recipe.gates.judge else [])]


def recipe_of(folder: RunFolder) -> GenerateRecipe:
    """The recipe of a generation, comments and all. Raises InputError for another kind of run."""
    from curation.synthesis.recipe import GenerateRecipe
    from studio.runs.spec import read_spec

    spec = read_spec(folder)
    if spec.kind != "generate":
        raise InputError(f"{folder.name} is no generation: it is of kind {spec.kind}.")
    return GenerateRecipe.from_text(spec.recipe["yaml"], spec.recipe["name"])


def make_generate(
    inputs: Sequence[str],
    recipe: GenerateRecipe,
    runs_dir: Path,
    *,
    out: str = "",
    argv: Sequence[str] = ("studio",),
) -> tuple[RunFolder, RunLock]:
    """A folder for a new generation, with what was asked for in it, and its lock, held. Nothing is started.

    inputs: documents, or the file of seeds, texts or records, as they were typed. out: a file that gets a copy of the
    dataset. Inputs that are not there, prompts that cannot be rendered and a bad address leave no folder behind.
    """
    from curation.writers.atomic import write_atomic
    from studio.runs.spec import new_spec

    check(recipe)
    sources = sources_of_generation(inputs, recipe)
    folder = create(runs_dir, "generate")
    lock = RunLock.acquire(folder)
    try:
        write_atomic(folder.path / RECIPE, recipe.to_yaml().encode(), mode=0o600)
        options = {"out": out, "secret": secret_for(runs_dir)}
        new_spec("generate", inputs, sources, entry_of(recipe), options, recipe.ask.seed, argv).write(folder)
    except BaseException:
        lock.close()
        raise
    return folder, lock


def begin_generate(inputs: Sequence[str], recipe: GenerateRecipe, runs_dir: Path, *, out: str = "") -> RunFolder:
    """Start a new generation in the background. Raises the errors of `curation.errors`."""
    from studio.runs.launch import launch

    folder, lock = make_generate(inputs, recipe, runs_dir, out=out)
    launch(folder, lock)
    return folder


def check(recipe: GenerateRecipe) -> None:
    """Raise what can be known to be wrong before anything is read: prompts, an address."""
    from curation.llm.address import read_address
    from curation.synthesis.prompts import Prompts

    Prompts.load(recipe.prompts.folder)
    for name, key_env in (
        (recipe.model.name, recipe.model.key_env),
        (recipe.gates.judge, recipe.gates.judge_key_env),
    ):
        if is_endpoint(name):
            read_address(name, with_key=bool(key_env))


def is_endpoint(name: str) -> bool:
    """Whether a model's name is the address of an endpoint."""
    return name.lower().startswith(("http://", "https://"))


def leaves(recipe: GenerateRecipe) -> bool:
    """Whether what is sent to the model leaves this machine."""
    from curation.llm.address import leaves_machine

    return is_endpoint(recipe.model.name) and leaves_machine(recipe.model.name)


def sources_of_generation(inputs: Sequence[str], recipe: GenerateRecipe) -> list[dict[str, Any]]:
    """What run.json says of each file that is read: name, path, size and digest. Raises InputError for what is not there."""
    from studio.runs.inputs import describe_inputs, digest_of

    if not inputs or "-" in inputs:
        raise InputError("A generation reads files.", "Name them: --from-documents, --from-seeds, --from-texts …")
    if recipe.source.kind != "documents":
        return describe_inputs(inputs)
    from curation.synthesis.documents.find import find_documents

    return [
        {"name": path.name, "path": str(path), "file": "", "kind": path.suffix.lstrip(".").lower(), "compression": "none",
         "encoding": "", "size": path.stat().st_size, "digest": digest_of(path)}
        for path in find_documents(inputs, lambda _: None)
    ]  # fmt: skip


def secret_for(runs_dir: Path) -> str:
    """The secret of the prompts' nonces: that of the newest generation, so that the same call is the same call, or a new
    one (hex)."""
    for run in _generations(runs_dir):
        found = _options(run).get("secret")
        if isinstance(found, str) and found:
            return found
    return secrets.token_hex(16)


def earlier_ledgers(folder: RunFolder) -> list[Path]:
    """The ledgers of the other generations beside a run, newest first: what was paid for there is found again."""
    from curation.synthesis.model import CALLS

    ledgers = (run.path / CALLS for run in _generations(folder.path.parent) if run.path != folder.path)
    return [path for path in ledgers if path.is_file()][:_EARLIER]


def is_left(folder: RunFolder) -> bool:
    """Whether a finished generation has something to do: failures that may pass, or decisions since its dataset."""
    from curation.synthesis.publish import is_current
    from curation.synthesis.work import open_units

    return bool(open_units(folder.path)) or not is_current(folder.path)


def _generations(runs_dir: Path) -> Iterator[RunFolder]:
    """The generations in a folder of runs, newest first."""
    yield from (run for run in reversed(every(runs_dir)) if "-generate-" in run.name)


def _options(run: RunFolder) -> dict[str, Any]:
    from studio.runs.spec import read_spec

    try:
        return read_spec(run).options
    except StudioError:  # of another version, or damaged
        return {}
