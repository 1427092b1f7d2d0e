"""What is exported, to what, and how it is checked: every parameter with its trade-off."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Literal

from pydantic import Field

from curation.errors import InputError
from curation.sectioned import Section

Target = Literal["adapter", "merged", "gguf", "ollama", "lmstudio", "hub"]
Quant = Literal["f16", "q8_0", "q5_k_m", "q4_k_m"]
TARGETS: tuple[Target, ...] = ("adapter", "merged", "gguf", "ollama", "lmstudio", "hub")
QUANTS: tuple[Quant, ...] = ("f16", "q8_0", "q5_k_m", "q4_k_m")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}")


class ExportSettings(Section):
    """All that decides what an export does."""

    source: str = Field(min_length=1, max_length=4096, description="A run's folder, or an adapter's, or a model's.")
    targets: tuple[Target, ...] = Field(min_length=1, description="What to make of it.")
    quants: tuple[Quant, ...] = Field(
        default=("q8_0",),
        min_length=1,
        description="Types of the GGUF files. f16: as it is; q8_0: half of it, hardly a difference; q5_k_m, q4_k_m: "
        "smaller, and worse, small models much.",
    )
    name: str = Field(
        default="", max_length=96, description="What the model is called in files. Empty: its run's name."
    )
    publisher: str = Field(default="studio", max_length=96, description="The folder over it in LM Studio.")
    base: str = Field(
        default="", max_length=4096, description="The base model, where the adapter does not name one that is here."
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", description="Numbers of the merged weights. auto: those the adapter was trained with."
    )
    shard_size: str = Field(default="4GB", pattern=r"\d+[KMG]B", description="Merged weights are cut into such files.")
    out: str = Field(default="", max_length=4096, description="Where it goes. Empty: into the export's own folder.")
    llama_cpp: str = Field(default="", max_length=4096, description="A checkout of llama.cpp. Empty: what is found.")
    hub: str = Field(default="", max_length=200, description="The repository on the Hub, owner/name.")
    hub_content: Literal["auto", "adapter", "merged", "gguf"] = Field(
        default="auto", description="What goes there. auto: the adapter, or the model where there is no adapter."
    )
    public: bool = Field(default=False, description="Whether a repository that is made is for everybody to see.")
    prompts: int = Field(default=50, ge=1, le=10_000, description="How many prompts the result is checked on.")
    tokens: int = Field(default=32, ge=1, le=4096, description="How long the answers to them are at most.")

    def digest(self) -> str:
        """SHA-256 over every value."""
        return hashlib.sha256(json.dumps(self.model_dump(), sort_keys=True).encode()).hexdigest()

    def needs(self, *targets: Target) -> bool:
        """Whether any of them is asked for."""
        return any(target in self.targets for target in targets)

    @property
    def needs_gguf(self) -> bool:
        """Whether a GGUF file has to be made."""
        return self.needs("gguf", "ollama", "lmstudio") or (self.needs("hub") and self.hub_content == "gguf")

    @property
    def needs_merged(self) -> bool:
        """Whether whole weights have to be made."""
        return self.needs_gguf or self.needs("merged") or (self.needs("hub") and self.hub_content == "merged")

    def check(self) -> None:
        """Raises InputError for values that cannot work together."""
        if self.needs("hub") and not _REPOSITORY.fullmatch(self.hub):
            said = f"'{self.hub}' is no name of a repository." if self.hub else "No repository on the Hub is named."
            raise InputError(said, "Name it as owner/name with --hub.")
        if self.hub and not self.needs("hub"):
            raise InputError("A repository is named, and nothing goes there.", "Add --to hub.")
        for value, what in ((self.name, "name"), (self.publisher, "publisher")):
            if value and not _NAME.fullmatch(value):
                raise InputError(
                    f"'{value}' cannot be a {what}: it is used in file names.", "Use letters, digits, - _ and dots."
                )


def settings_from(found: dict[str, Any]) -> ExportSettings:
    """The settings out of a run's spec. Raises InputError for what another version wrote."""
    try:
        return ExportSettings.model_validate(found)
    except ValueError as error:
        raise InputError("The export's settings cannot be read.", "Start the export anew.") from error
