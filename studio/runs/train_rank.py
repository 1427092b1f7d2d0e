"""The further processes of a training that torchrun or accelerate started several times: they compute, and tell nothing.

The first process (rank 0) has the run's folder, writes everything and answers for how it ends.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from curation.errors import Stopped, StudioError
from studio.exit_codes import ExitCode
from studio.runs.folder import RunFolder
from studio.runs.interrupt import Interrupt

if TYPE_CHECKING:
    from training.recipe import TrainRecipe


def join(inputs: Sequence[str], recipe: TrainRecipe) -> int:
    """Take part in the training of `recipe` on `inputs`; returns the exit code. Raises what only this process met."""
    from training.run import train

    with tempfile.TemporaryDirectory(prefix="studio-rank-") as place:
        folder = RunFolder(Path(place))
        with Interrupt(folder, _leave, lambda: None, detached=False) as interrupt:
            try:
                train(inputs, recipe, folder.path, listener=lambda _event: None, should_stop=interrupt.should_stop)
            except Stopped:
                return int(ExitCode.STOPPED)
    return int(ExitCode.OK)


def join_again(folder: RunFolder, settings: Sequence[str]) -> int:
    """Take part in going on with the run in `folder`, which every process must be able to read."""
    from studio.runs.spec import read_spec
    from studio.runs.status import Status, read_result
    from studio.runs.train_begin import changed_for_resume, recipe_of

    result = read_result(folder)
    if result is not None and result.status is Status.FINISHED and not settings:
        return int(ExitCode.OK)
    spec = read_spec(folder)
    recipe = changed_for_resume(recipe_of(folder), settings)
    try:
        os.chdir(spec.cwd)
    except OSError as error:
        raise StudioError(f"The folder the run was started in, {spec.cwd}, cannot be entered: {error}.") from error
    return join(spec.inputs, recipe)


def _leave() -> None:
    """A second signal: end now."""
    os._exit(ExitCode.STOPPED)
