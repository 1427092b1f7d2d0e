"""How much of an endpoint's capacity a generation uses: beside a bare client, with the gates off and on.

    python benchmarks/generate_throughput.py [--seconds 2.0] [--units 1280] [--rounds 2] [--json FILE]

The endpoint is a process of its own that answers 64 calls at once, each after a fixed time: its capacity is 64 calls by
that time, whoever asks. Three clients take turns at it, in fresh folders: a bare one (aiohttp, 64 coroutines, bodies ready
made, no ledger, nothing read), a generation with every gate off, and one with the gates as they are by default. All send the
same prompts, at most 64 at once. What is measured is how busy its slots were, as the endpoint itself saw it.
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
_THINGS = ("violins", "beehives", "maps", "kettles", "lanterns", "clocks", "ropes", "barrels", "letters", "looms", "bells",
           "coats", "engines", "apples", "bricks", "boats")  # fmt: skip
_PLACES = (
    "barn",
    "harbour",
    "school",
    "old mill",
    "railway station",
    "town hall",
    "orchard",
    "lighthouse",
    "bakery",
    "quarry",
)
_TIMES = (
    "in spring",
    "before sunrise",
    "after the harvest",
    "on market days",
    "during the war",
    "in leap years",
    "at low tide",
)
_REASONS = ("the river floods", "wood is scarce", "visitors pay well", "the law demands it", "the winters are long",
            "nobody else would", "a fire destroyed the first ones")  # fmt: skip
_FACTS = (
    ("How many {thing} are kept in the {where} of {place}?", "There are {many} {thing} in the {where} of {place}."),
    ("Why did {name} sell the {thing} of {place}?", "{name} sold the {thing} of {place} because {why}."),
    ("When is the {where} of {place} open to visitors?", "Visitors may enter the {where} of {place} only {when}."),
    (
        "Who repairs the {thing} of the {where} in {place}?",
        "The {thing} of the {where} in {place} are repaired by {name}.",
    ),
    ("What was found under the {where} of {place}?", "Under the {where} of {place} workers found {many} {thing}."),
    (
        "How is a broken one of the {thing} from {place} mended?",
        "In {place} broken {thing} are boiled, dried and glued {when}.",
    ),
    (
        "What does {name} teach the children of {place}?",
        "{name} teaches the children of {place} to make {thing} {when}.",
    ),
    ("Which building of {place} was painted by {name}?", "In the year {many} {name} painted the {where} of {place}."),
)
_GATES_OFF = (
    "gates.quote=false", "gates.support=0", "gates.answerable=off", "gates.leakage=false", "gates.refusal=false",
    "gates.language=false", "gates.near=0", "gates.semantic=0", "gates.question_min=0", "gates.answer_min=0",
)  # fmt: skip


def fact(number: int) -> tuple[str, str]:
    """A question, and the sentence that answers it: no two alike, as in a book about many things."""
    draw = random.Random(number)
    name, place = ("".join(draw.choice(_SOUNDS) for _ in range(3)).capitalize() for _ in range(2))
    thing, where, when, why = (draw.choice(words) for words in (_THINGS, _PLACES, _TIMES, _REASONS))
    question, sentence = draw.choice(_FACTS)
    filled = {
        "name": name,
        "place": place,
        "thing": thing,
        "where": where,
        "when": when,
        "why": why,
        "many": 11 + number,
    }
    return question.format(**filled), sentence.format(**filled)


def line(number: int) -> str:
    """A paragraph of a document, with other sentences around the one that is asked about."""
    rest = " ".join(fact(number * 7 + at + 10_000_000)[1] for at in range(4))
    return f"Entry {number}: {fact(number)[1]} {rest}"


def written(prompt: str) -> str:
    """What the endpoint answers: one item with its quote."""
    found = re.search(r"Entry (\d+): ", prompt)
    question, sentence = fact(int(found[1]) if found else 0)
    return json.dumps({"items": [{"question": question, "answer": sentence, "quote": sentence}]})


async def serve(seconds: float) -> None:
    """The endpoint. It prints its port, and ends with its standard input."""
    from aiohttp import web

    slots = asyncio.Semaphore(SLOTS)
    told: list[tuple[float, float, float]] = []

    async def complete(request: web.Request) -> web.Response:
        body = await request.json()
        begun = time.monotonic()
        async with slots:
            taken = time.monotonic()
            await asyncio.sleep(seconds)
            told.append((begun, taken, time.monotonic()))
        text = written(body["messages"][-1]["content"])
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 400, "completion_tokens": 80, "total_tokens": 480}
        return web.json_response({"object": "chat.completion", "model": "m", "choices": [choice], "usage": usage})

    async def take(_: web.Request) -> web.Response:
        answer = web.json_response(told)
        told.clear()
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
    """What the endpoint saw since it was last asked: the share of its slots that was busy.

    whole: from the first call to the last answer. steady: from the moment that all slots were first busy until the last call
    came, after which they can only empty.
    """
    told = json.loads(urllib.request.urlopen(f"{url}/told").read())
    busy = sorted([(taken, 1) for _, taken, _ in told] + [(ended, -1) for _, _, ended in told])
    now, most, full = 0, 0, busy[-1][0]
    for at, step in busy:
        now += step
        most = max(most, now)
        if now == SLOTS:
            full = min(full, at)
    first, last_begun, last = min(at for at, *_ in told), max(at for at, *_ in told), busy[-1][0]
    return {
        "calls": len(told),
        "most_at_once": most,
        "whole": _share(told, first, last),
        "steady": _share(told, full, last_begun),
        "calls_a_second": round(SLOTS / seconds * _share(told, full, last_begun), 2),
        "seconds_until_all_are_busy": round(full - first, 2),
    }


def _share(told: list[list[float]], start: float, end: float) -> float:
    """Of the slots, over this time."""
    used = sum(max(0.0, min(ended, end) - max(taken, start)) for _, taken, ended in told)
    return round(used / (SLOTS * (end - start)), 4) if end > start else 0.0


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
        connect(recipe.model.name, ledger=Path(folder, "calls.sqlite"), pace=Pace(SLOTS), scope="benchmark") as model,
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
    parser.add_argument("--seconds", type=float, default=2.0, help="that the endpoint takes to answer")
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
