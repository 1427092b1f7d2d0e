"""What it costs to hold a base and what was tuned on it side by side: RSS of comparing both, beside that of one model.

    python benchmarks/compare_memory.py [--model smollm2] [--tokens 32] [--json FILE]

Each of them runs in a process of its own, and answers the same questions: `transformers` alone with one model and its
`generate`; the studio with the base alone; the studio with base and tuned in turns. The adapter is a real one (LoRA on all
layers, r=16) with random weights. It also counts the tokens that differ from `generate`'s: there should be none.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

QUESTIONS = ("What is the capital of France?", "How do I boil an egg?", "图书馆的借书证怎么办理？")
LIMIT = 1.15


def memory() -> dict[str, int]:
    """What this process holds now, and the most that it ever held at once, in bytes."""
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    found = {words[0]: int(words[1]) * 1024 for words in lines if words[0] in ("VmRSS:", "VmHWM:")}
    return {"held": found["VmRSS:"], "peak": found["VmHWM:"]}


def make_adapter(model: str, folder: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from training.model import find_model

    base = AutoModelForCausalLM.from_pretrained(find_model(model).path, dtype=torch.float32)
    tuned: Any = get_peft_model(
        base, LoraConfig(task_type="CAUSAL_LM", r=16, lora_alpha=32, target_modules="all-linear")
    )
    torch.manual_seed(0)
    for name, weight in tuned.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(std=0.01)
    tuned.save_pretrained(folder)


def with_transformers(model: str, adapter: Path | None, tokens: int) -> dict[str, Any]:
    """One model and `generate`, as one would write it; with an adapter also the base, by `disable_adapter`."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from training.model import find_model

    path = find_model(model).path
    tokenizer: Any = AutoTokenizer.from_pretrained(path)
    loaded: Any = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    if adapter is not None:
        from peft import PeftModel

        loaded = PeftModel.from_pretrained(loaded, adapter)
    loaded.eval()

    def said(question: str) -> str:
        asked = tokenizer.apply_chat_template(
            [{"role": "user", "content": question}], add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        out = loaded.generate(**asked, max_new_tokens=tokens, do_sample=False)[0, asked["input_ids"].shape[1] :]
        return str(tokenizer.decode([one for one in out.tolist() if one != tokenizer.eos_token_id]))

    found = {"b" if adapter else "a": [said(question) for question in QUESTIONS]}
    if adapter is not None:
        with loaded.disable_adapter():
            found["a"] = [said(question) for question in QUESTIONS]
    return {"said": found, **memory()}


def with_studio(model: str, adapter: Path | None, tokens: int) -> dict[str, Any]:
    from training.compare.model import Prompt
    from training.compare.sections import SamplingSettings, SideSettings
    from training.compare.sides import open_sides
    from training.examples import Message

    sampling = SamplingSettings(max_tokens=tokens)
    settings = SideSettings(a=model, b=str(adapter or model))
    with open_sides(settings, Path("runs"), on_change=print) as sides:
        answers = []
        for number, question in enumerate(QUESTIONS):
            prompt = Prompt(f"p{number}", (Message("user", question),))
            if adapter is None:
                answers.append([sides.answer(prompt, "a", sampling, lambda _: None, lambda: False)])
            else:
                answers.append(list(sides.answer_both(prompt, sampling, lambda _s, _p: None, lambda: False)))
        said = {answer.side: [one[at].text for one in answers] for at, answer in enumerate(answers[0])}
        return {"said": said, **memory()}


def child(arguments: argparse.Namespace) -> None:
    began = time.monotonic()
    adapter = Path(arguments.adapter) if arguments.adapter else None
    run = with_transformers if arguments.child == "transformers" else with_studio
    found = run(arguments.model, adapter, arguments.tokens)
    print("\n" + json.dumps({"seconds": round(time.monotonic() - began, 1), **found}))


def measured(who: str, arguments: argparse.Namespace, adapter: Path | None) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", who, "--model", arguments.model, "--tokens", str(arguments.tokens)]
    out = subprocess.run([*command, *(["--adapter", str(adapter)] if adapter else [])], capture_output=True, text=True)
    if out.returncode:
        raise SystemExit(out.stderr)
    return dict(json.loads(out.stdout.splitlines()[-1]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--adapter", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments)
        return 0
    with tempfile.TemporaryDirectory() as place:
        adapter = Path(place) / "adapter"
        make_adapter(arguments.model, adapter)
        rows = {
            "transformers, one model": measured("transformers", arguments, None),
            "transformers, one PeftModel": measured("transformers", arguments, adapter),
            "studio, one model": measured("studio", arguments, None),
            "studio, base and tuned": measured("studio", arguments, adapter),
        }
    for name, row in rows.items():
        print(f"{name:30} peak {row['peak'] / 1e6:6.0f} MB  held {row['held'] / 1e6:6.0f} MB  {row['seconds']:6.1f} s")
    peft, studio = rows["transformers, one PeftModel"]["said"], rows["studio, base and tuned"]["said"]
    same = studio == peft and rows["studio, one model"]["said"]["a"] == rows["transformers, one model"]["said"]["a"]
    print("answers:", "the same as generate's, token by token" if same else "DIFFERENT from generate's")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False))
    ratios = {kind: rows["studio, base and tuned"][kind] / rows["studio, one model"][kind] for kind in ("peak", "held")}
    said = ", ".join(f"{kind} {ratio:.3f}" for kind, ratio in ratios.items())
    print(f"comparing, in times the memory of one model: {said} (limit {LIMIT})")
    return int(not same or max(ratios.values()) > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
