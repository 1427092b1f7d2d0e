"""`studio runs`: list, show, attach, stop, resume, rm."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from curation.errors import BusyError
from studio.cli.copying import tell_copies
from studio.cli.lazy import NearestGroup
from studio.cli.options import RUN, json_option, plain_option, quiet_option, run_argument, runs_dir_option
from studio.cli.output import Output
from studio.exit_codes import ExitCode


@click.group(cls=NearestGroup)
def runs() -> None:
    """Look after runs: list, show, attach to, stop, resume and remove them.

    RUN is a run's name, any part of it that only one run has, 'last', or the path of its folder.
    """


@runs.command("list")
@runs_dir_option
@json_option
def list_runs(*, runs_dir: Path, as_json: bool) -> int:
    """List the runs in the folder, oldest first."""
    from studio.cli.run_facts import list_table, run_facts
    from studio.runs.folder import every

    out = Output(json=as_json)
    facts = [run_facts(run) for run in every(runs_dir)]
    if as_json:
        for one in facts:
            out.json_line(one)
    elif facts:
        out.data(list_table(facts))
    else:
        out.say(f"There is no run in {runs_dir}. Start one with 'studio curate'.")
    return int(ExitCode.OK)


@runs.command()
@run_argument()
@runs_dir_option
@json_option
def show(*, run: str, runs_dir: Path, as_json: bool) -> int:
    """Show one run: what was asked for, how it stands, and its funnel."""
    from studio.cli.run_facts import describe, run_facts
    from studio.runs.folder import find

    out = Output(json=as_json)
    folder = find(runs_dir, run)
    if as_json:
        out.json_line(run_facts(folder, whole=True))
    else:
        out.data(describe(folder))
    return int(ExitCode.OK)


@runs.command()
@run_argument()
@runs_dir_option
@json_option
@plain_option
@quiet_option
def attach(*, run: str, runs_dir: Path, as_json: bool, plain: bool, quiet: bool) -> int:
    """Watch a run until it ends. Ctrl-C stops watching; the run goes on.

    Replays what happened so far. The exit code is the run's own, as if it had run here.
    """
    from studio.cli.progress import narrator_for
    from studio.cli.start import report
    from studio.runs.folder import find, reference
    from studio.runs.follow import follow
    from studio.runs.status import read_result

    out = Output(json=as_json, plain=plain, quiet=quiet)
    folder = find(runs_dir, run)
    narrator = narrator_for(out)
    try:
        for event in follow(folder):
            narrator.hear(event)
    except KeyboardInterrupt:
        narrator.close()
        again = reference(folder)
        out.say(f"\nNo longer watching; the run goes on. Stop it with 'studio runs stop {again}'.")
        return int(ExitCode.OK)
    finally:
        narrator.close()
    result = read_result(folder)
    if result is None:
        again = reference(folder)
        out.problem(f"{folder.name} was killed before it could end.", f"Go on with 'studio runs resume {again}'.")
        return int(ExitCode.FAILED)
    return report(folder, result, out)


@runs.command()
@run_argument()
@click.option("--force", is_flag=True, help="Where asking does not help in time: terminate it, then kill it.")
@click.option("--no-wait", is_flag=True, help="Ask, and do not wait for it to happen.")
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long asking may take.",
)
@runs_dir_option
def stop(*, run: str, force: bool, no_wait: bool, grace: float, runs_dir: Path) -> int:
    """Ask a run to stop.

    It ends after what is under way, keeps what is finished, and can be resumed."""
    from studio.runs.folder import find, reference
    from studio.runs.lock import is_held
    from studio.runs.stop import force_stop, request_stop, wait_until_free

    out = Output()
    folder = find(runs_dir, run)
    if not is_held(folder):
        out.say(f"{folder.name} is not running.")
        return int(ExitCode.OK)
    request_stop(folder)
    if no_wait:
        out.say(f"Asked {folder.name} to stop.")
        return int(ExitCode.OK)
    free = wait_until_free(folder, grace)
    if not free and force:
        out.say("It did not stop in time; ending it.")
        free = force_stop(folder, min(grace, 10.0))
    again = reference(folder)
    if not free:
        raise BusyError(
            f"{folder.name} was asked to stop but still runs after {grace:g} seconds.",
            f"Wait, or end it with 'studio runs stop --force {again}'.",
        )
    out.say(f"{folder.name} has stopped. Go on with 'studio runs resume {again}'.")
    return int(ExitCode.OK)


@runs.command()
@run_argument()
@click.option("--set", "settings", multiple=True, metavar="STAGE.KEY=VALUE", help="Change a parameter. Repeatable.")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Processes, from now on.")
@click.option("--detach", is_flag=True, help="Do it in the background and print the run's name.")
@runs_dir_option
@json_option
@plain_option
@quiet_option
def resume(
    *,
    run: str,
    settings: tuple[str, ...],
    workers: int | None,
    detach: bool,
    runs_dir: Path,
    as_json: bool,
    plain: bool,
    quiet: bool,
) -> int:
    """Go on with a run that stopped, failed or was killed.

    What is finished is not done again, and the dataset is the same as if it had never been interrupted.
    """
    from studio.cli.start import resume as go_on
    from studio.runs.folder import find

    out = Output(json=as_json, plain=plain, quiet=quiet)
    tell_copies(out)
    folder = find(runs_dir, run)
    how = {} if workers is None else {"workers": workers}
    return go_on(folder, out, settings=settings, argv=sys.argv, detach=detach, how=how)


@runs.command()
@click.argument("run", type=RUN, nargs=-1, required=True)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@runs_dir_option
def rm(*, run: tuple[str, ...], yes: bool, runs_dir: Path) -> int:
    """Remove runs.

    Their folders go, with ledger, report and the dataset inside. What --out wrote elsewhere stays.
    """
    from studio.cli.run_facts import folder_bytes
    from studio.runs.folder import find
    from studio.runs.remove import remove

    out = Output()
    folders = list(dict.fromkeys(find(runs_dir, wanted) for wanted in run))
    for folder in folders:
        question = f"Remove {folder.name} ({folder_bytes(folder):,} bytes)?"
        if not yes and not click.confirm(question, err=True):
            continue
        remove(folder)
        out.say(f"Removed {folder.name}.")
    return int(ExitCode.OK)
