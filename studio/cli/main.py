"""The way in: `studio VERB …`. Every error ends here, as one line, a hint and a documented exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from studio.cli.lazy import LazyGroup

VERBS: dict[str, tuple[str, str, str]] = {
    "curate": ("studio.cli.curate", "curate", "Turn raw files into a dataset, with a reason for every record."),
    "inspect": ("studio.cli.inspect", "inspect", "Look at files and say what is in them; changes nothing."),
    "convert": ("studio.cli.convert", "convert", "Write a dataset in another schema or file format."),
    "runs": ("studio.cli.runs", "runs", "List, show, attach to, stop, resume and remove runs."),
    "why": ("studio.cli.why", "why", "Tell what happened to one record, stage by stage."),
    "dupes": ("studio.cli.dupes", "dupes", "Show the clusters of duplicates a run found, largest first."),
    "recipes": ("studio.cli.recipes", "recipes", "List, show and check recipes and the stages they can use."),
    "doctor": ("studio.cli.doctor", "doctor", "Say what this machine has: versions, memory, GPU, models, terminal."),
    "schema": ("studio.cli.schema", "schema", "Print every command, option, exit code and event as JSON."),
    "version": ("studio.cli.version", "version", "Print the version."),
}


@click.group(
    cls=LazyGroup,
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
