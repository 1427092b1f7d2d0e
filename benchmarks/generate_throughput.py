"""How much of an endpoint's capacity a generation uses: beside a bare client, with the gates off and on.

    python benchmarks/generate_throughput.py [--seconds 1.0] [--units 1280] [--rounds 2] [--json FILE]

The endpoint is a process of its own that answers 64 calls at once, each after a fixed time: its capacity is 64 calls by
that time, whoever asks. Three clients take turns at it, in fresh folders: a bare one (aiohttp, 64 coroutines, bodies ready
made, no ledger, nothing read), a generation with every gate off, and one with the gates as they are by default. All send the
same prompts, at most 64 at once. The endpoint counts what it answers: over the whole run, from the first call to the last
answer, and over the middle of it, from the moment that 64 calls were under way until fewer than 64 are left.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

SLOTS = 64
_SOUNDS = ("ba", "dro", "fi", "gul", "ha", "ki", "lem", "mor", "na", "pel", "qui", "ras", "su", "tov", "wen", "zar")
_GATES_OFF = (
    "gates.quote=false", "gates.support=0", "gates.answerable=off", "gates.leakage=false", "gates.refusal=false",
    "gates.language=false", "gates.near=0", "gates.semantic=0", "gates.question_min=0", "gates.answer_min=0",
)  # fmt: skip


def person(number: int) -> tuple[str, int, str]:
    draw = random.Random(number)
    words = ["".join(draw.choice(_SOUNDS) for _ in range(3)).capitalize() for _ in range(4)]
    return f"{words[0]} {words[1]}", 11 + number, f"{words[2]} {words[3]}"


def line(number: int) -> str:
    name, many, place = person(number)
    filler = " ".join(f"The {word} of {place} is old." for word in ("mill", "bridge", "school", "harbour", "tower"))
    return f"Entry {number}: {name} keeps {many} geese in the barn of {place}. {filler}"


def written(prompt: str) -> str:
    """What the endpoint answers: one item with its quote."""
    found = re.search(r"Entry (\d+): ", prompt)
    name, many, place = person(int(found[1]) if found else 0)
    item = {
        "question": f"How many geese does {name} keep in the barn of {place}?",
        "answer": f"{name} keeps {many} geese in the barn of {place}.",
        "quote": f"{name} keeps {many} geese in the barn of {place}.",
    }
    return json.dumps({"items": [item]})


async def serve(seconds: float) -> None:
    """The endpoint. It prints its port, and ends with its standard input."""
    from aiohttp import web

    slots, told = asyncio.Semaphore(SLOTS), {"begun": [], "ended": [], "most": 0, "now": 0}  # type: ignore[var-annotated]

    async def complete(request: web.Request) -> web.Response:
        body = await request.json()
        told["begun"].append(time.monotonic())
        told["now"] += 1
        told["most"] = max(told["most"], told["now"])
        async with slots:
            await asyncio.sleep(seconds)
        text = written(body["messages"][-1]["content"])
        told["now"] -= 1
        told["ended"].append(time.monotonic())
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 400, "completion_tokens": 80, "total_tokens": 480}
        return web.json_response({"object": "chat.completion", "model": "m", "choices": [choice], "usage": usage})

    async def take(_: web.Request) -> web.Response:
        answer = web.json_response(told)
        told.update({"begun": [], "ended": [], "most": 0})
        return answer

    app = web.Application()
    app.add_routes([web.post("/v1/chat/completions", complete), web.get("/told", take)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def measured(url: str, seconds: float) -> dict[str, Any]:
    """What the endpoint saw since it was last asked."""
    told = json.loads(urllib.request.urlopen(f"{url}/told").read())
    ended = sorted(told["ended"])
    capacity = SLOTS / seconds
    whole = len(ended) / (ended[-1] - min(told["begun"]))
    begun = sorted(told["begun"])
    # From the first moment with 64 under way until the last call has begun: then fewer than 64 are left.
    both = sorted([(at, 1) for at in begun] + [(at, -1) for at in ended])
    now, full = 0, ended[-1]
    for at, step in both:
        now += step
        if now >= SLOTS:
            full = at
            break
    middle = [at for at in ended if full + seconds <= at <= begun[-1] + seconds]
    steady = (len(middle) - 1) / (middle[-1] - middle[0]) if len(middle) > SLOTS else 0.0
    return {
        "calls": len(ended), "most_at_once": told["most"], "whole": round(whole / capacity, 4),
        "steady": round(steady / capacity, 4), "calls_a_second": round(steady, 2), "ramp_seconds": round(full - begun[0], 2),
    }  # fmt: skip


async def bare(url: str, bodies: list[bytes]) -> None:
    """As fast as 64 calls at once can be."""
    import aiohttp

    waiting = iter(bodies)
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=SLOTS)) as session:

        async def one() -> None:
            for body in waiting:
                async with session.post(f"{url}/v1/chat/completions", data=body, headers=headers) as response:
                    await response.read()

        await asyncio.gather(*(one() for _ in range(SLOTS)))


def recipe_of(url: str, settings: tuple[str, ...]) -> Any:
    from curation.synthesis.recipe import GenerateRecipe

    here = ("source.lines=true", "chunks.minimum=0", "ask.per_chunk=1", "ask.per_call=1", "model.structured=auto",
            f"model.name={url}/v1#m", f"model.concurrency={SLOTS}")  # fmt: skip
    return GenerateRecipe.load("documents").with_settings([*here, *settings])


def studio(url: str, inputs: Path, settings: tuple[str, ...]) -> dict[str, Any]:
    """A generation, with its ledger, as the command makes it."""
    from curation.llm.client import connect
    from curation.llm.pace import Pace
    from curation.synthesis.run import Opened, generate

    recipe = recipe_of(url, settings)
    with (
        tempfile.TemporaryDirectory() as folder,
        connect(recipe.model.name, ledger=Path(folder) / "calls.sqlite", pace=Pace(SLOTS), scope="benchmark") as model,
        Path(folder, "events.jsonl").open("a", encoding="utf-8") as events,
    ):
        before = time.process_time()
        summary = generate(
            recipe, [str(inputs)], Path(folder), opened=Opened(model, False, model.ledger.summary), judge=None, secret="s",
            listener=lambda event: print(json.dumps(event.as_json()), file=events, flush=True), should_stop=lambda: False,
        )  # fmt: skip
        return {"counts": summary["counts"], "cpu_seconds": round(time.process_time() - before, 2)}


def run_all(arguments: argparse.Namespace) -> dict[str, Any]:
    from curation.llm.body import Dialect
    from curation.synthesis.run import dry_run

    serving = [sys.executable, __file__, "--serve", "--seconds", str(arguments.seconds)]
    server = subprocess.Popen(serving, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None and server.stdin is not None
    url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
    found: dict[str, Any] = {"capacity": SLOTS / arguments.seconds, "seconds": arguments.seconds, "rounds": []}
    try:
        with tempfile.TemporaryDirectory() as folder:
            inputs = Path(folder) / "village.txt"
            inputs.write_text("".join(f"{line(number)}\n" for number in range(arguments.units)))
            asked = dry_run(recipe_of(url, _GATES_OFF), [str(inputs)], None, False)
            bodies = [Dialect().body(request, stream=False) for request in asked]
            for _ in range(arguments.rounds):
                one: dict[str, Any] = {}
                asyncio.run(bare(url, bodies))
                one["bare client"] = measured(url, arguments.seconds)
                for name, settings in (("gates off", _GATES_OFF), ("gates on", ())):
                    told = studio(url, inputs, settings)
                    one[name] = {**measured(url, arguments.seconds), **told}
                found["rounds"].append(one)
                print(json.dumps(one, indent=1), flush=True)
    finally:
        server.stdin.close()
        server.wait()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="that the endpoint takes to answer")
    parser.add_argument("--units", type=int, default=1280)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve(arguments.seconds))
        return
    found = run_all(arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
