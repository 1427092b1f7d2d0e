"""`studio evaluate`: a comparison held against a policy, for pipelines: pass or fail by the exit code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curation.errors import StudioError
from studio.cli.options import RUN, json_option, plain_option, quiet_option, runs_dir_option
from studio.cli.output import Output, table
from studio.exit_codes import ExitCode

if TYPE_CHECKING:
    from studio.runs.folder import RunFolder


@click.command()
@click.argument("run", type=RUN)
@click.option(
    "--gate",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="POLICY",
    help="A policy in YAML; without one, the numbers are told and nothing is decided.",
)
@click.option("--judge", metavar="MODEL", help="Who judges, where RUN is a training run: http://host/v1#model.")
@click.option("--preset", metavar="NAME", help="quick, compare or full, where RUN is a training run.  [default: full]")
@click.option("--set", "settings", multiple=True, metavar="SECTION.KEY=VALUE", help="Change one parameter. Repeatable.")
@runs_dir_option
@json_option
@plain_option
@quiet_option
def evaluate(
    *,
    run: str,
    gate: Path | None,
    judge: str | None,
    preset: str | None,
    settings: tuple[str, ...],
    runs_dir: Path,
    as_json: bool,
    plain: bool,
    quiet: bool,
) -> int:
    """Measure a training run against its base, or take a comparison as it is, and hold it against a policy.

    Exits with 0 where the gate passes and with 1 where it fails. What the policy asks about and nobody measured fails;
    so does evidence about weights, data or prompts that have changed since.

    \b
    Examples:
      studio evaluate last --gate policy.yaml
      studio evaluate 20261122-1412-compare-1a2b --gate policy.yaml --json
    """
    from studio.runs.compare_begin import training_run
    from studio.runs.folder import find
    from studio.runs.spec import read_spec

    out = Output(json=as_json, plain=plain, quiet=quiet)
    try:
        if gate is not None:
            from training.compare.gate import read_policy

            read_policy(gate)  # a policy that is wrong is said before anything is measured
        folder = training_run("last", runs_dir) if run == "last" else find(runs_dir, run)
        if read_spec(folder).kind == "train":
            given = {"judge": judge, "preset": preset or "full", "settings": settings}
            code, folder = _measured(folder, runs_dir, given, out)
            if code:
                return code
        elif judge is not None or preset is not None or settings:
            raise click.UsageError("A comparison is what it is; --judge, --preset and --set are for a training run.")
        return _told(folder, gate, out)
    except (StudioError, click.UsageError) as error:
        if as_json:
            from studio.cli.curate import say_in_json

            say_in_json(out, error)
        raise


def _measured(run: RunFolder, runs_dir: Path, given: dict[str, Any], out: Output) -> tuple[int, RunFolder]:
    """A comparison of the training run with its base, made now."""
    from studio.cli.compare import recipe_for
    from studio.cli.start import start
    from studio.runs.compare_begin import make_compare

    folder, lock = make_compare(recipe_for(str(run.path), **given), runs_dir, argv=sys.argv)
    return start(folder, lock, out, detach=False), folder


def _told(folder: RunFolder, policy: Path | None, out: Output) -> int:
    from training.compare.gate import check_gate
    from training.compare.report import compare_facts

    if policy is None:
        from studio.cli.compare_summary import tell_compare

        facts = compare_facts(folder.path)
        out.json_line(facts) if out.json else out.data(tell_compare(folder, facts))
        return int(ExitCode.OK)
    result = check_gate(policy, folder.path)
    if out.json:
        out.json_line(result.as_json())
    else:
        rows = [["pass" if check.passed else "FAIL", check.name, check.reason] for check in result.checks]
        out.data(table(rows))
        out.data(f"\nThe gate {'passes' if result.passed else 'fails'}: {result.run}.")
    return int(ExitCode.OK if result.passed else ExitCode.FINDINGS)
