"""The studio tax: tokens a second and memory of a training with the studio around it, against a bare TRL script.

    python benchmarks/train_tax.py [--rounds N] [--steps N] [--model MODEL] [--threads N]

The same tensors, configuration and seed three ways, in turn, round after round: `bare` (train_tax_bare.py: SFTTrainer and
nothing else), `detached` (`studio train --detach`, nobody looking) and `attached` (the same, with the Train screen open in
a pseudo-terminal of 120 x 40, which draws at 2 Hz). Measured from outside, from the end of the third step to that of the
last: wall and CPU seconds of the training process, and the most memory it ever held. Wall times say more about the
neighbours on a busy machine; CPU seconds do not count them. All must end with the same bytes of weights.

Without --model, a random Llama of 13 million parameters is made, whose steps take some tenths of a second.
"""

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import nullcontext, suppress
from pathlib import Path

import psutil
from measure import Row, save

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "training"), str(ROOT / "tests" / "studio")]  # both have a conftest

MODES = ("bare", "detached", "attached")
FIRST = 3  # the step after which counting begins: the first ones still allocate and compile
BATCH, RANK, RATE, WARMUP = 8, 8, 2e-4, 0.03
SAID = (
    "a chain needs oil every two weeks in summer ",
    "the library is closed on mondays and ",
    "图书馆周一闭馆，",
    "because ",
)


def make_data(path: Path) -> None:
    """256 questions with answers of 20 to 200 characters."""
    with path.open("w", encoding="utf-8") as out:
        for n in range(256):
            answer = "".join(SAID[(n * 7 + k * k) % 4] for k in range(1 + n % 6))
            out.write(json.dumps({"question": f"Question {n}?", "answer": answer + f"{n}."}, ensure_ascii=False) + "\n")


def settings_of(steps: int, threads: int) -> list[str]:
    """The recipe of both studio modes, as `--set` takes it: nothing on the way but steps and their points."""
    wanted = {
        "schedule.max_steps": steps,
        "schedule.batch_size": BATCH,
        "schedule.accumulation": 1,
        "schedule.warmup": WARMUP,
        "optimizer.learning_rate": RATE,
        "lora.r": RANK,
        "lora.alpha": 2 * RANK,
        "lora.dropout": 0.05,
        "data.validation": 0,
        "evaluation.every": 0,
        "evaluation.samples": 0,
        "evaluation.retention": "false",
        "checkpoints.every": 1_000_000,
        "device.kind": "cpu",
        "device.threads": threads,
    }
    return [part for key, value in wanted.items() for part in ("--set", f"{key}={value}")]


def write_settings(place: Path, model: str, data: Path, steps: int, threads: int) -> Path:
    """The tensors that the studio trains, for the bare script; made in a process of its own, which may import torch."""
    code = (
        "import json, sys\nfrom studio.cli.train import recipe_for\nfrom training.session import prepare\n"
        "session = prepare([sys.argv[1]], recipe_for(settings=sys.argv[3:], model=sys.argv[2]))\n"
        "print(json.dumps({'model': str(session.found.path), 'rows': session.train_rows}))\n"
    )
    words = [word for word in settings_of(steps, threads) if word != "--set"]
    command = [sys.executable, "-c", code, str(data), model, *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    (place / "tensors.json").write_text(json.dumps(found["rows"]))
    lora = {"r": RANK, "lora_alpha": 2 * RANK, "lora_dropout": 0.05, "target_modules": "all-linear"}
    settings = {
        "model": found["model"],
        "tensors": str(place / "tensors.json"),
        "threads": threads,
        "seed": 0,
        "steps": steps,
        "batch": BATCH,
        "learning_rate": RATE,
        "warmup": WARMUP,
        "lora": lora,
    }
    path = place / "settings.json"
    path.write_text(json.dumps(settings))
    return path


def last_step(path: Path, seen: dict[str, int]) -> int:
    """The last step told in a file of JSON lines; reads only what is new."""
    if path.exists():
        with path.open("rb") as stream:
            stream.seek(seen.get("offset", 0))
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                seen["offset"] = seen.get("offset", 0) + len(line)
                if b'"step"' in line:
                    with suppress(ValueError):
                        found = json.loads(line)
                        if found.get("event", "step_logged") == "step_logged":
                            seen["step"] = found["step"]
    return seen.get("step", 0)


def watch(pid: int, told: Path, steps: int) -> dict[str, float]:
    """Wall and CPU seconds from step FIRST to the last one, and the peak memory, of a process that tells its steps."""
    process, seen = psutil.Process(pid), {}
    begin = end = None
    peak = 0
    with suppress(psutil.Error, OSError):
        while process.status() != psutil.STATUS_ZOMBIE:
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmHWM"):
                    peak = max(peak, int(line.split()[1]) * 1024)
            step, times = last_step(told, seen), process.cpu_times()
            now = (time.monotonic(), times.user + times.system, step)
            if begin is None and step >= FIRST:
                begin = now
            if end is None and step >= steps:
                end = now
            time.sleep(0.02)
    assert begin and end, "the run did not get to its last step"
    return {"wall": end[0] - begin[0], "cpu": end[1] - begin[1], "steps": end[2] - begin[2], "peak": peak}


def run_bare(place: Path, settings: Path, steps: int) -> tuple[dict[str, float], Path]:
    """The bare script."""
    out = place / "bare"
    told = place / "bare.jsonl"
    with told.open("wb") as stream:
        command = [sys.executable, str(ROOT / "benchmarks" / "train_tax_bare.py"), str(settings), str(out)]
        process = subprocess.Popen(command, stdout=stream, stderr=subprocess.DEVNULL)
        figures = watch(process.pid, told, steps)
        assert process.wait() == 0
    return figures, out / "adapter"


def run_studio(place: Path, model: str, data: Path, steps: int, threads: int, *, attached: bool) -> tuple[dict, Path]:
    """A detached run, with the Train screen open on it or not."""
    runs = place / "runs"
    command = [sys.executable, "-m", "studio", "train", "--data", str(data), "--model", model, "--runs-dir", str(runs)]
    words = [*command, *settings_of(steps, threads), "--detach", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    folder = Path(said["folder"])
    with open_screen(runs) if attached else nullcontext() as screen:
        figures = watch(said["pid"], folder / "events.jsonl", steps)
        if screen is not None:
            figures |= screen.figures()
    for _ in range(600):
        if (folder / "result.json").exists():
            break
        time.sleep(0.1)
    result = json.loads((folder / "result.json").read_text())
    assert result["status"] == "finished", result
    return figures, folder / "adapter"


class open_screen:  # noqa: N801 - used as a context
    """The Train screen of the terminal interface, in a terminal that is read all the time."""

    def __init__(self, runs: Path) -> None:
        from pty_screen import PtyScreen

        self.screen = PtyScreen([], size=(120, 40), environment={"STUDIO_RUNS_DIR": str(runs)})
        self.over = threading.Event()
        self.reader = threading.Thread(target=self._read, daemon=True)

    def _read(self) -> None:
        self.screen.pump(60, until=b" studio ")
        self.screen.send("5")
        while not self.over.is_set():
            self.screen.pump(0.5)

    def figures(self) -> dict[str, float]:
        """CPU seconds, memory and bytes of the interface so far."""
        process = psutil.Process(self.screen.pid)
        times = process.cpu_times()
        return {
            "screen_cpu": times.user + times.system,
            "screen_rss": process.memory_info().rss,
            "screen_bytes": len(self.screen.output),
        }

    def __enter__(self) -> "open_screen":
        self.reader.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()
        self.reader.join()
        assert b"loss" in self.screen.output, "the curves were not on the screen"
        self.screen.send("\x11")  # ctrl+q; what it asks then needs no answer
        self.screen.finish(2)


def sha256(adapter: Path) -> str:
    """Of the weights in a folder."""
    return hashlib.sha256((adapter / "adapter_model.safetensors").read_bytes()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--model", default="")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the medians here as well")
    options = parser.parse_args()
    os.environ.update(HF_HUB_OFFLINE="1", OMP_NUM_THREADS=str(options.threads), TOKENIZERS_PARALLELISM="false")
    place = Path(tempfile.mkdtemp(prefix="train-tax-"))
    model, data = options.model, place / "data.jsonl"
    if not model:
        from conftest import make_tiny

        model = str(make_tiny(place / "model", hidden=512, layers=4))
    make_data(data)
    settings = write_settings(place, model, data, options.steps, options.threads)
    rows: dict[str, list[dict[str, float]]] = {mode: [] for mode in MODES}
    digests: dict[str, str] = {}
    for number in range(options.rounds):
        for mode in MODES[number % 3 :] + MODES[: number % 3]:
            if mode == "bare":
                figures, adapter = run_bare(place, settings, options.steps)
            else:
                attached = mode == "attached"
                figures, adapter = run_studio(place, model, data, options.steps, options.threads, attached=attached)
            digests.setdefault(sha256(adapter), mode)
            rows[mode].append(figures)
            print(json.dumps({"round": number, "mode": mode, **figures}), flush=True)
            shutil.rmtree(place / "runs", ignore_errors=True)
    found = summary(rows, digests, options.steps)
    print(json.dumps(found, indent=2))
    save(options.json, table(rows, found))
    shutil.rmtree(place)


def table(rows: dict[str, list[dict[str, float]]], found: dict[str, object]) -> tuple[dict[str, object], list[Row]]:
    """Medians as lines of a table; the bare script is the peer."""
    from importlib.metadata import version

    names = {"bare": "trl", "detached": "studio train, nobody looking", "attached": "studio train, with its screen"}
    lines: list[Row] = []
    for mode, name in names.items():
        middle = {key: statistics.median(each[key] for each in rows[mode]) for key in ("cpu", "wall", "peak", "steps")}
        line: Row = {"program": name, "version": version("trl") if mode == "bare" else "", "processes": 1}
        line |= {"cpu": round(middle["cpu"], 2), "wall": round(middle["wall"], 2), "peak": int(middle["peak"])}
        lines.append(line | {"rate": round(middle["steps"] / middle["cpu"], 3), "same_weights": found["same_weights"]})
    return {"steps": found["steps"], "rounds": found["rounds"]}, lines


def summary(rows: dict[str, list[dict[str, float]]], digests: dict[str, str], steps: int) -> dict[str, object]:
    """Medians over the rounds of what each round's bare run is compared with."""
    found: dict[str, object] = {"same_weights": len(digests) == 1, "rounds": len(rows["bare"]), "steps": steps}
    for mode in MODES[1:]:
        pairs = list(zip(rows["bare"], rows[mode], strict=True))
        found[mode] = {
            "speed_by_cpu": round(statistics.median(bare["cpu"] / ours["cpu"] for bare, ours in pairs), 4),
            "speed_by_wall": round(statistics.median(bare["wall"] / ours["wall"] for bare, ours in pairs), 4),
            "memory": round(statistics.median(ours["peak"] / bare["peak"] for bare, ours in pairs), 4),
        }
    return found


if __name__ == "__main__":
    main()
