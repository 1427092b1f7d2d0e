"""A process that asks an endpoint about many things: `llm_asker.py SETTINGS.json`. Prints its outcomes as JSON."""

from __future__ import annotations

import collections
import json
import sys
from pathlib import Path

from curation.llm.budget import Budget
from curation.llm.client import connect
from curation.llm.many import complete_all
from curation.llm.model import ChatMessage, ChatReply, ChatRequest

settings = json.loads(Path(sys.argv[1]).read_text())
requests = [
    ChatRequest("", (ChatMessage("user", f"prompt {number}"),), max_tokens=settings.get("max_tokens", 512))
    for number in range(settings["prompts"])
]
with connect(
    settings["address"],
    attempts=settings.get("attempts", 1),
    timeout=settings.get("timeout", 30.0),
    ledger=Path(settings["ledger"]),
    budget=Budget(**settings.get("budget", {})),
) as model:
    outcomes = complete_all(model, requests, settings["concurrency"])
said = {number: reply.text for number, reply in enumerate(outcomes) if isinstance(reply, ChatReply)}
failed = collections.Counter(outcome.kind for outcome in outcomes if not isinstance(outcome, ChatReply))
reused = sum(isinstance(reply, ChatReply) and reply.from_ledger for reply in outcomes)
print(json.dumps({"said": said, "failed": failed, "reused": reused}))
