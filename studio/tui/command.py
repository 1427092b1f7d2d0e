"""`studio [PATH]`: the terminal interface. Imported by the command line only when it is asked for."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click


@click.command(name="open", hidden=True)
@click.argument("path", required=False, default="")
def open_studio(path: str) -> int:
    """Open the studio in the terminal, with a file, a folder or a run."""
    served = bool(os.environ.get("TEXTUAL_DRIVER"))  # in a browser, through `studio serve`
    if not served and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("The studio needs a terminal. Without one, use the verbs: 'studio --help' lists them.")
    return show(path, place="train" if _is_training(path) else "")


def show(path: str, *, against: str = "", place: str = "", runs_dir: Path | None = None) -> int:
    """Run the interface until it is left, and return the exit code. `against`, `place`: see StudioApp."""
    from studio.tui.app import StudioApp
    from studio.tui.settings import load_settings, settings_path

    settings = load_settings(settings_path())
    app = StudioApp(path, against=against, place=place, settings=settings, runs_dir=runs_dir)
    app.run()
    if app.last_words:
        click.echo(app.last_words, err=bool(app.return_code))
    return app.return_code or 0


def _is_training(path: str) -> bool:
    """Whether the path is the folder of a training run, whose curves are on a screen of their own."""
    folder = Path(path)
    return "-train-" in folder.absolute().name and (folder / "run.json").is_file()


if __name__ == "__main__":
    sys.exit(open_studio())
