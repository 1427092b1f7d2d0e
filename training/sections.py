"""The sections of a training recipe: every parameter with its bounds and its trade-off."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from curation.sectioned import Positive, Section, Share

OPTIMIZERS = Literal["adamw", "adamw_8bit", "paged_adamw", "paged_adamw_8bit", "sgd", "adafactor"]


class ModelSettings(Section):
    """The base model, and how its weights lie in memory."""

    name: str = Field(
        default="", max_length=4096, description="A Hub name, a folder, a .gguf file, or smollm2 (from its package)."
    )
    revision: str | None = Field(
        default=None,
        description="Branch, tag or commit on the Hub. The commit it stands for is recorded and used on resume.",
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto",
        description="Numbers of the weights that are not quantised. auto: bfloat16 where the device has it, else "
        "float32. float16 halves the memory where there is no bfloat16, and overflows more easily.",
    )
    quantization: Literal["none", "nf4", "fp4", "int8"] = Field(
        default="none",
        description="nf4 (QLoRA) needs about a quarter of the memory and trains more slowly; int8 about half; fp4 is "
        "older and less exact than nf4. Only an adapter can be trained on top.",
    )
    double_quantization: bool = Field(
        default=True, description="Quantise the constants of nf4 and fp4 too: 0.4 bits a weight less, hardly slower."
    )
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2"] = Field(
        default="auto",
        description="sdpa is PyTorch's own and the default; flash_attention_2 is faster on long texts, and a package "
        "of its own; eager is slow, and exact for models that need it.",
    )
    trust_remote_code: str = Field(
        default="", description="The model's name again, to let code from its repository run. Empty: it may not."
    )
    backend: Literal["transformers", "unsloth"] = Field(
        default="transformers", description="unsloth: faster kernels on CUDA, where that package is installed."
    )
    liger: bool = Field(
        default=False, description="Liger kernels on CUDA, where that package is installed: less memory, more speed."
    )


class TemplateSettings(Section):
    """How a conversation becomes one text."""

    name: str = Field(
        default="auto",
        min_length=1,
        max_length=4096,
        description="auto: the model's own, else chatml. Or a template's name, or a .jinja file.",
    )
    system: str = Field(
        default="", max_length=100_000, description="A system prompt for conversations that have none. Empty: none."
    )


class DataSettings(Section):
    """Which part of the data is learned, and how it is cut."""

    train_on: Literal["answers", "last_answer", "everything"] = Field(
        default="answers",
        description="Which tokens are learned. everything also learns to write questions: for plain text, not chats.",
    )
    max_length: int = Field(
        default=1024, ge=8, le=1 << 20, description="Tokens of one example. Memory grows with it, at least linearly."
    )
    too_long: Literal["refuse", "drop", "cut"] = Field(
        default="refuse",
        description="What becomes of longer records. refuse: the run does not start, and says how many there are; "
        "drop leaves them out; cut keeps their beginning, so that an answer may lose its end.",
    )
    packing: bool = Field(
        default=False, description="Put several short records into one example: less padding, same loss, CUDA or CPU."
    )
    validation: Share = Field(
        default=0.05, description="Share of the records held out, where the dataset has no validation split of its own."
    )
    limit: int | None = Field(default=None, ge=1, description="Read only so many records.")
    format: str | None = Field(default=None, description="Read every record in this schema; no guessing.")


class MethodSettings(Section):
    """What is trained, and on what."""

    kind: Literal["lora", "full", "prefix", "prompt", "p_tuning"] = Field(
        default="lora",
        description="lora: small matrices beside the weights, the usual choice. full: every weight, much more memory, "
        "forgets more. prefix, prompt, p_tuning: only a few virtual tokens, tiny and weaker.",
    )
    objective: Literal["sft", "dpo"] = Field(
        default="sft", description="sft learns answers; dpo learns from pairs of a chosen and a rejected answer."
    )


class LoraSettings(Section):
    """The adapter (arXiv:2106.09685; QLoRA: 2305.14314, rsLoRA: 2312.03732, DoRA: 2402.09353)."""

    r: int = Field(
        default=16, ge=1, le=1024, description="Rank: more can learn more, needs more memory, overfits more."
    )
    alpha: Positive = Field(
        default=32, description="Scale: the update counts alpha/r (alpha/sqrt(r) with rslora). Usually r or 2r."
    )
    dropout: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.0, description="Share of the adapter's inputs dropped in training. 0.05 to 0.1 for small datasets."
    )
    targets: tuple[str, ...] = Field(
        default=("all-linear",),
        min_length=1,
        description="Module names that get an adapter, such as [q_proj, v_proj]; all-linear is every linear layer.",
    )
    rslora: bool = Field(default=False, description="Scale by sqrt(r): steadier with a high rank.")
    dora: bool = Field(default=False, description="Train magnitude and direction apart: better at low rank, slower.")
    init: Literal["default", "gaussian", "pissa", "olora", "orthogonal"] = Field(
        default="default", description="How the adapter begins. pissa and olora converge faster and change the base."
    )
    bias: Literal["none", "all", "lora_only"] = Field(
        default="none", description="Which biases are trained. Other than none, the base itself changes."
    )


class VirtualSettings(Section):
    """Prefix tuning (arXiv:2101.00190), prompt tuning (2104.08691) and P-tuning (2103.10385)."""

    tokens: int = Field(default=20, ge=1, le=512, description="Virtual tokens before each text. They use up context.")
    hidden: int | None = Field(
        default=None,
        ge=1,
        le=65536,
        description="Width of the encoder of prefix and p_tuning; null: the model's, or none.",
    )
    init_text: str = Field(
        default="", max_length=10_000, description="prompt: begin with the embeddings of this text. Empty: at random."
    )


class DpoSettings(Section):
    """Direct preference optimisation (arXiv:2305.18290)."""

    beta: Positive = Field(default=0.1, description="How closely the model must stay to its base: more is closer.")
    loss: Literal["sigmoid", "hinge", "ipo"] = Field(
        default="sigmoid", description="sigmoid is DPO; ipo overfits less on clear pairs; hinge ignores settled pairs."
    )
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = Field(
        default=0.0,
        description="Share of pairs that may be the wrong way round: robust DPO (2403.00409), sigmoid only.",
    )


class OptimizerSettings(Section):
    """How weights move."""

    name: OPTIMIZERS = Field(
        default="adamw",
        description="paged_* moves its state to main memory when CUDA has none left; *_8bit needs a quarter of the "
        "state; sgd and adafactor need least, and more care.",
    )
    learning_rate: Positive = Field(
        default=2e-4,
        le=1,
        description="lora: 1e-4 to 3e-4. full: 1e-5 to 5e-5. prefix and prompt: 1e-3 to 3e-2. dpo: 1e-6 to 2e-5.",
    )
    weight_decay: Share = Field(default=0.0, description="Pull of the weights to zero.")
    max_grad_norm: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        default=1.0, description="Longer gradients are shortened to this. 0: never."
    )


class ScheduleSettings(Section):
    """How long, and how much at once."""

    epochs: Positive = Field(default=3.0, le=10_000, description="Times that every record is seen.")
    max_steps: int | None = Field(default=None, ge=1, description="End after so many steps, whatever the epochs.")
    batch_size: int = Field(
        default=4, ge=1, le=4096, description="Examples at once on one device: memory grows with it."
    )
    accumulation: int = Field(
        default=1,
        ge=1,
        le=65536,
        description="Batches summed up before a step: like a larger batch, without its memory.",
    )
    warmup: Share = Field(default=0.03, description="Share of the steps in which the learning rate rises.")
    decay: Literal["linear", "cosine", "constant"] = Field(
        default="cosine", description="How the learning rate falls after the warm-up."
    )
    gradient_checkpointing: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="on computes activations twice: far less memory, a third slower. auto: on CUDA, where it works.",
    )


class EvaluationSettings(Section):
    """What is measured on the way."""

    every: int = Field(default=0, ge=0, description="Steps between evaluations; 0: only before and after.")
    batch_size: int = Field(default=4, ge=1, le=4096, description="Examples at once in evaluations.")
    samples: int = Field(default=2, ge=0, le=64, description="Held-out prompts that are answered at each evaluation.")
    sample_tokens: int = Field(default=64, ge=1, le=4096, description="Tokens of such an answer, at most.")
    retention: bool = Field(
        default=True, description="Also measure the loss on a small set of general text: what is being forgotten."
    )
    early_stopping: int = Field(
        default=0, ge=0, description="Stop after so many evaluations without a better validation loss; 0: never."
    )
    judge: str = Field(
        default="",
        max_length=4096,
        description="An endpoint as `http://host/v1#model` that marks the answered samples at each evaluation. Empty: none.",
    )
    judge_key_env: str = Field(
        default="",
        max_length=200,
        description="The environment variable, or entry of the keyring, with the key of that endpoint.",
    )
    judge_rubrics: tuple[str, ...] = Field(
        default=("helpfulness",),
        min_length=1,
        description="By what they are marked: helpfulness, correctness, style, bias, toxicity, or a YAML file of your own.",
    )
    suites: tuple[Literal["arithmetic", "json", "choice", "tool_call", "refusal", "copying"], ...] = Field(
        default=(), description="Small tasks, answered and scored by program at each evaluation. Empty: none."
    )
    suite_size: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="Cases of each such task in each of two languages: each is an answer to write.",
    )


class CheckpointSettings(Section):
    """What survives a crash."""

    every: int = Field(default=50, ge=1, description="Steps between checkpoints.")
    keep: int = Field(default=2, ge=1, le=1000, description="Newest checkpoints kept, besides the best one.")


class TrackingSettings(Section):
    """What is told, and to whom."""

    log_every: int = Field(default=1, ge=1, description="Steps between points of the curves.")
    reporters: tuple[Literal["tensorboard", "wandb", "trackio"], ...] = Field(
        default=(), description="Other programs that are told the curves, where they are installed."
    )


class DeviceSettings(Section):
    """Where it runs."""

    kind: Literal["auto", "cpu", "cuda", "mps"] = Field(default="auto", description="auto: cuda, else mps, else cpu.")
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="CPU threads of PyTorch; null: its own choice."
    )
