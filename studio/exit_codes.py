"""Exit codes, the same for every command. They are part of the interface: scripts depend on them."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the exit status of a command means. Quarantined lines are no error: a run that has some ends with 0."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    INPUT = 3
    BUSY = 4
    OUTPUT = 5
    FAILED = 6
    STOPPED = 130


MEANINGS: dict[ExitCode, str] = {
    ExitCode.OK: "Done.",
    ExitCode.FINDINGS: "Done, and the answer is no: a check found something.",
    ExitCode.USAGE: "The command line or the recipe is wrong; nothing was run.",
    ExitCode.INPUT: "An input, a run or a record cannot be found or read.",
    ExitCode.BUSY: "Another process holds the run.",
    ExitCode.OUTPUT: "The output cannot be written: no room, no permission, or something is in the way.",
    ExitCode.FAILED: "The run failed, or something unexpected happened; the message names a log.",
    ExitCode.STOPPED: "Stopped by the user (Ctrl-C or 'studio runs stop'); it can be resumed.",
}
