"""`studio chat`: talk to a model in the terminal, or to a base and what was made of it, side by side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curation.errors import StudioError
from studio.cli.options import json_option, quiet_option, runs_dir_option
from studio.cli.output import Output

if TYPE_CHECKING:
    from training.compare.chat import Who
    from training.compare.sections import SamplingSettings, SideSettings

_OF_SIDES = ("template", "dtype", "quantization", "threads", "key_env")
_OF_SAMPLING = ("temperature", "top_p", "top_k", "repetition_penalty", "max_tokens", "seed")


@click.command()
@click.argument("who", required=False, metavar="[MODEL|RUN]")
@click.option("--adapter", metavar="FOLDER", help="An adapter to put on MODEL; without MODEL, on the one it names.")
@click.option("--side", metavar="SIDE", help="Who answers first: base, tuned, checkpoint:STEP, or any other model.")
@click.option("--compare", "both", is_flag=True, help="Every question is answered by both: base and tuned.")
@click.option("--prompt", metavar="TEXT", help="Ask this one question, print the answer, and end.")
@click.option("--system", default="", metavar="TEXT", help="A system prompt.  [default: that of the training]")
@click.option("--template", default="auto", metavar="NAME", help="Chat template.  [default: that of the training]")
@click.option("--temperature", type=click.FloatRange(0, 10), default=0.0, help="0 is greedy.  [default: 0]")
@click.option("--top-p", type=click.FloatRange(0, 1, min_open=True), default=1.0, help="Draw from this share.")
@click.option("--top-k", type=click.IntRange(min=0), default=0, help="Draw from this many tokens; 0: from all.")
@click.option("--repetition-penalty", type=click.FloatRange(0, min_open=True), default=1.0, help="1: none.")
@click.option("--max-tokens", type=click.IntRange(1, 131_072), default=512, show_default=True, help="Of an answer.")
@click.option("--seed", type=click.IntRange(0, (1 << 32) - 1), default=0, help="Seed of the draws.  [default: 0]")
@click.option(
    "--dtype", type=click.Choice(["auto", "float32", "bfloat16", "float16"]), default="auto", help="Of the weights."
)
@click.option(
    "--quantization",
    type=click.Choice(["auto", "none", "nf4", "fp4", "int8"]),
    default="auto",
    help="Weights in fewer bits.  [default: as they were trained]",
)
@click.option("--threads", type=click.IntRange(0, 1024), default=0, help="Threads on the CPU; 0: one a core.")
@click.option("--key-env", default="", metavar="NAME", help="The environment variable with the key of an endpoint.")
@runs_dir_option
@json_option
@quiet_option
def chat(
    *,
    who: str | None,
    adapter: str | None,
    side: str | None,
    both: bool,
    prompt: str | None,
    runs_dir: Path,
    as_json: bool,
    quiet: bool,
    **rest: Any,
) -> int:
    """Talk to a model: answers appear as they are written, and nothing is kept.

    MODEL is a folder, an adapter's folder, a .gguf file, a Hub name, smollm2, or an endpoint as http://host/v1#model.
    RUN is a training run; without either it is the last one. A run has two sides, base and tuned, in memory once.

    While you talk: /side NAME lets another side go on, /compare lets both answer, /reset forgets, /help lists all.
    Ctrl-C ends the answer that is being written, Ctrl-D the conversation. When stdin is no terminal, each line of it
    is a question of its own.

    \b
    Examples:
      studio chat                                  the last training run
      studio chat smollm2 --temperature 0.7
      studio chat last --compare --prompt "How do I reset my password?" --json
      studio chat http://localhost:11434/v1#llama3.2
    """
    from studio.cli.chat_talk import Talk, talk_lines, talk_on, talk_once
    from training.compare.chat import Chat, who_is

    out = Output(json=as_json, quiet=quiet)
    try:
        found = who_is(who or "", adapter or "", runs_dir)
        settings = _sides(found, **rest)
        conversation = Chat(settings, runs_dir, on_change=out.warn, bases=found.bases, system=rest["system"])
        try:
            talk = Talk(conversation, found, _sampling(**rest), out, both=both)
            talk.begin(side)
            if prompt is not None:
                return talk_once(talk, prompt)
            return talk_on(talk) if sys.stdin.isatty() and not as_json else talk_lines(talk, sys.stdin)
        finally:
            conversation.close()
    except StudioError as error:
        if as_json:
            from studio.cli.curate import say_in_json

            say_in_json(out, error)
        raise


def _sides(who: Who, **rest: Any) -> SideSettings:
    from training.compare.sections import SideSettings

    return SideSettings(run=who.run, **{key: rest[key] for key in _OF_SIDES})


def _sampling(**rest: Any) -> SamplingSettings:
    from training.compare.sections import SamplingSettings

    return SamplingSettings(**{key: rest[key] for key in _OF_SAMPLING})
