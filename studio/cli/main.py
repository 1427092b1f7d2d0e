"""The way in: `studio VERB …`. Every error ends here, as one line, a hint and a documented exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click

from studio.cli.lazy import LazyGroup

VERBS: dict[str, tuple[str, str, str]] = {
    "curate": ("studio.cli.curate", "curate", "Turn raw files into a dataset, with a reason for every record."),
    "generate": ("studio.cli.generate", "generate", "Generate records from documents, seeds, texts or records."),
    "train": ("studio.cli.train", "train", "Fine-tune a model on a dataset, in runs that survive anything."),
    "experiment": ("studio.cli.experiment", "experiment", "Did curation help? Train on raw, curated and random data."),
    "export": ("studio.cli.export", "export", "Make of an adapter what other programs load, and check it."),
    "preflight": ("studio.cli.preflight", "preflight", "Look at the tensors that would be trained; trains nothing."),
    "compare": ("studio.cli.compare", "compare", "Put two models side by side: answers, votes, losses, a judge."),
    "evaluate": ("studio.cli.evaluate", "evaluate", "Hold a model against a policy: pass or fail, for pipelines."),
    "chat": ("studio.cli.chat", "chat", "Talk to a model, or to two about the same questions."),
    "inspect": ("studio.cli.inspect", "inspect", "Look at files and say what is in them; changes nothing."),
    "convert": ("studio.cli.convert", "convert", "Write a dataset in another schema or file format."),
    "map": ("studio.cli.map", "map_", "Draw the map of a dataset: topics, thin and crowded regions."),
    "models": ("studio.cli.models", "models", "List the models on this disk that can be trained."),
    "runs": ("studio.cli.runs", "runs", "List, show, attach to, stop, resume and remove runs."),
    "why": ("studio.cli.why", "why", "Tell what happened to one record, stage by stage."),
    "lineage": ("studio.cli.lineage", "lineage", "Print where a thing came from, and what was made of it."),
    "dupes": ("studio.cli.dupes", "dupes", "Show the clusters of duplicates a run found, largest first."),
    "vault": ("studio.cli.vault", "vault", "Write the file that tells which pseudonym stands for whom."),
    "diff": ("studio.cli.diff", "diff", "Show what is different between two datasets, or in a run."),
    "review": ("studio.cli.review", "review", "Show what a run changed, and decide about it."),
    "apply": ("studio.cli.apply", "apply", "Apply the verdicts of another review to a dataset or a run."),
    "serve": ("studio.cli.serve", "serve", "Show the terminal interface in a browser, on this machine only."),
    "recipes": ("studio.cli.recipes", "recipes", "List, show and check recipes and the stages they can use."),
    "doctor": ("studio.cli.doctor", "doctor", "Say what this machine has: versions, memory, GPU, models."),
    "schema": ("studio.cli.schema", "schema", "Print every command, option, exit code and event as JSON."),
    "version": ("studio.cli.version", "version", "Print the version."),
}


# Not a verb: what `studio` and `studio PATH` do.
INTERFACE = "studio.tui.command"
_NOTHING = "\0"  # a word that nobody can type


class _Front(LazyGroup):
    """A first word that is no verb but names something that exists is opened in the terminal interface."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """No word at all opens the interface too, where there is a terminal to open it in."""
        if not args and sys.stdin.isatty() and sys.stdout.isatty():
            args = [_NOTHING]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb, or the interface with a path."""
        word = args[0]
        if word in self.lazy or not (word == _NOTHING or word.startswith("hf:") or Path(word).exists()):
            if os.sep in word or Path(word).suffix in (".jsonl", ".json", ".csv", ".parquet"):
                raise click.UsageError(f"There is no file or folder '{word}'.", ctx)
            return super().resolve_command(ctx, args)
        command = import_module(INTERFACE).open_studio
        return word, command, args[1:] if word == _NOTHING else args


@click.group(
    cls=_Front,
    lazy=VERBS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Run 'studio VERB --help' for a verb's options. Results go to stdout, everything else to stderr.",
)
def studio() -> None:
    """A studio in the terminal for fine-tuning data."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's own) and return the exit code."""
    from studio.cli.failing import exit_code_for

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal in another encoding gets escapes, not a traceback
            stream.reconfigure(errors="backslashreplace")
    try:
        answer = studio.main(args=None if argv is None else list(argv), prog_name="studio", standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:
        return exit_code_for(error)
    return answer if isinstance(answer, int) else 0


if __name__ == "__main__":
    sys.exit(main())
