"""How far the copying of remote files is, said on stderr while a command waits for it."""

from __future__ import annotations

import time

import click

from curation.copying import Copying, readable, watched
from studio.cli.output import Output

_EVERY = 5.0  # seconds between two lines


def tell_copies(out: Output) -> None:
    """Say, until this command ends, how much of what is being copied has come in."""
    click.get_current_context().with_resource(watched(_Lines(out)))


class _Lines:
    def __init__(self, out: Output) -> None:
        self._out = out
        self._what = ""
        self._said = 0.0

    def __call__(self, copying: Copying) -> None:
        now = time.monotonic()
        total = readable(copying.total)
        if copying.what != self._what:
            self._what, self._said = copying.what, now
            counted = "1 file" if copying.files == 1 else f"{copying.files:,} files"
            self._out.say(f"Copying {copying.what}: {counted}, {total}")
        elif now - self._said >= _EVERY:
            self._said = now
            self._out.say(f"Copying {copying.what}: {readable(copying.done)} of {total}")
