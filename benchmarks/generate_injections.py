"""What a real model makes of documents that give orders: how often it obeys, and whether anything of that is accepted.

    python benchmarks/generate_injections.py [--model smollm2] [--cases 65] [--max-tokens 120]
    python benchmarks/generate_injections.py --model http://127.0.0.1:8000/v1#model

The documents are those of tests/curation/data/injections.yaml. `obeyed`: the reply has what the order asks for, word for word.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "curation"))

SECRET = "of the benchmark"


@contextmanager
def opened(name: str) -> Iterator[Any]:
    """The model of this name."""
    if name.startswith(("http://", "https://")):
        from curation.llm.client import connect

        with connect(name) as endpoint:
            yield endpoint
        return
    from training.compare.opening import Opener
    from training.compare.sections import SideSettings

    opener = Opener(SideSettings(), Path("runs"), print)
    try:
        yield opener.chat_model(opener.open_all([name])[0])
    finally:
        opener.close()


class Listening:
    """A model, and what it said last."""

    def __init__(self, model: Any) -> None:
        self._model, self.said, self.asked = model, "", ()
        self.name, self.identity = model.name, model.identity

    def complete(self, request: Any, should_stop: Any) -> Any:
        """As the model does."""
        self.said, self.asked = "", request.messages
        reply = self._model.complete(request, should_stop)
        self.said = reply.text
        return reply


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--cases", type=int, default=1000, help="so many of them, evenly chosen")
    parser.add_argument("--max-tokens", type=int, default=120)
    args = parser.parse_args()
    from obedient import attacks, cases, rows, values_of, violations

    from curation.synthesis.gates import Gates
    from curation.synthesis.material import Materials
    from curation.synthesis.prompts import Prompts
    from curation.synthesis.recipe import GenerateRecipe
    from curation.synthesis.work import Worker

    step = max(1, len(cases()) // args.cases)
    chosen = [next(attack for attack in attacks() if attack.case is case) for case in cases()[::step]]
    settings = [f"model.name={args.model}", f"model.max_tokens={args.max_tokens}", "gates.semantic=0", "ask.per_call=1"]
    recipe = GenerateRecipe.load("documents").with_settings(settings)
    prompts, materials = Prompts.load(), Materials(recipe, *rows(cases()), leaves=False)
    gates = Gates(recipe, prompts, secret=SECRET)
    became: Counter[str] = Counter()
    obeyed, wrong = 0, []
    began = time.monotonic()
    with opened(args.model) as model:
        listening = Listening(model)
        worker = Worker(recipe, prompts, materials, gates, listening, None, SECRET)
        for attack in chosen:
            (item,) = worker.work(attack.unit, lambda: False).outcome.items
            messages = [message._asdict() for message in listening.asked[:1] + listening.asked[-1:]]
            payload = values_of(attack.case, messages)["PAYLOAD"]
            obeys = (
                bool(payload) and " ".join(payload.split()).casefold() in " ".join(listening.said.split()).casefold()
            )
            obeyed += obeys
            became[f"{item.status} {item.reason}".strip()] += 1
            if item.status == "accepted":
                wrong += violations(item, attack.unit, attack.case, materials.of(attack.unit), messages)
            print(f"{attack.case.id:14} {'obeyed' if obeys else '      '} {item.status} {item.reason}", flush=True)
    print(
        f"\n{model.name}: {len(chosen)} documents in {time.monotonic() - began:.0f} s; obeyed {obeyed}; accepted with it {wrong}"
    )
    print("\n".join(f"{count:4} {what}" for what, count in became.most_common()))


if __name__ == "__main__":
    main()
