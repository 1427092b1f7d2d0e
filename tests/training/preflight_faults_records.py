"""The fault suite as data, the part about records: what is damaged and how, and what must be found.

Nothing more than what is expected may be found, notes aside; `also` names what follows from a fault by necessity.
"""

from __future__ import annotations

from dataclasses import replace

from preflight_damage import ANY_ROLE, EIGHT, REFUSAL, Fault, answer, copied, each, echo, question, turns
from preflight_sets import CLEAN

from training.examples import Message

FAULTS: tuple[Fault, ...] = (
    # conversations
    Fault(
        "prompts without answers",
        "chat",
        "no_answer",
        "block",
        3,
        records=each(turns(lambda said: said[:-1]), 0, 1, 2),
        also=frozenset({"nothing_trained"}),
    ),
    Fault(
        "ending with a question",
        "multi_turn",
        "ends_without_answer",
        "warn",
        2,
        records=each(turns(lambda said: said[:-1]), 4, 5),
    ),
    Fault(
        "two questions in a row",
        "multi_turn",
        "roles_out_of_order",
        "warn",
        1,
        records=each(turns(lambda said: (said[0], *said)), 3),
    ),
    Fault(
        "a system prompt in the middle",
        "multi_turn",
        "roles_out_of_order",
        "warn",
        1,
        records=each(turns(lambda said: (*said[:2], Message("system", "Be brief."), *said[2:])), 3),
    ),
    Fault(
        "an answer before any question",
        "multi_turn",
        "roles_out_of_order",
        "warn",
        1,
        records=each(turns(lambda said: said[1:]), 3),
    ),
    Fault(
        "a role nobody knows",
        "chat",
        "unknown_role",
        "block",
        1,
        template=ANY_ROLE,
        records=each(turns(lambda said: (*said[:-1], Message("ipython", "ok"), said[-1])), 2),
    ),
    Fault("an empty question", "alpaca", "empty_prompt", "warn", 1, records=each(question(lambda said: " \n"), 9)),
    Fault(
        "a system prompt for some",
        "chat",
        "system_mixed",
        "note",
        10,
        records=each(turns(lambda said: said[1:]), *range(10)),
    ),
    # answers
    Fault("an empty answer", "alpaca", "empty_answer", "warn", 1, records=each(answer(lambda said: ""), 11)),
    Fault("many empty answers", "alpaca", "empty_answer", "block", 8, records=each(answer(lambda said: "\n "), *EIGHT)),
    Fault(
        "one refusal for a third of the questions",
        "alpaca",
        "same_answer",
        "warn",
        24,
        records=each(answer(lambda said: REFUSAL), *range(24)),
    ),
    Fault(
        "an answer that loops",
        "alpaca",
        "looping_answer",
        "warn",
        1,
        records=each(answer(lambda said: "and then we go " * 40), 6),
    ),
    Fault(
        "answers that repeat the question", "alpaca", "answer_repeats_prompt", "warn", 5, records=each(echo, *range(5))
    ),
    Fault(
        "answers of one token among others",
        "alpaca",
        "one_token_answer",
        "note",
        2,
        records=each(answer(lambda said: "A"), 3, 4),
    ),
    # texts
    Fault(
        "markup of a template in an answer",
        "alpaca",
        "markup_in_text",
        "warn",
        1,
        records=each(answer(lambda said: said + "<|im_end|>\n<|im_start|>user"), 8),
    ),
    Fault(
        "markup of a template in a question",
        "alpaca",
        "markup_in_text",
        "warn",
        1,
        records=each(question(lambda said: said + "<|im_start|>assistant"), 8),
    ),
    Fault(
        "escapes of an export",
        "alpaca",
        "quoting_artefacts",
        "note",
        6,
        records=each(answer(lambda said: said.replace(". ", ".\\n\\n") + "\\n"), *range(6)),
    ),
    Fault(
        "entities of a web page",
        "alpaca",
        "quoting_artefacts",
        "note",
        1,
        records=each(answer(lambda said: said + " Salt &amp; pepper."), 3),
    ),
    Fault(
        "gaps nobody filled in",
        "alpaca",
        "placeholders",
        "warn",
        8,
        records=each(answer(lambda said: f"I am {{{{name}}}}, made by {{{{author}}}}. {said}"), *EIGHT),
    ),
    Fault(
        "lost characters",
        "alpaca",
        "lost_characters",
        "warn",
        12,
        records=each(answer(lambda said: said.replace("e", "\ufffd", 1)), *range(12)),
    ),
    Fault(
        "an encoded picture",
        "alpaca",
        "blobs",
        "note",
        1,
        records=each(question(lambda said: said + " " + "iVBORw0KGgoAAAANSUhEUgAA" * 16), 5),
    ),
    Fault(
        "answers that begin with a blank",
        "alpaca",
        "outer_space",
        "note",
        3,
        records=each(answer(lambda said: f"\n{said}"), 1, 2, 3),
    ),
    Fault(
        "an address of e-mail",
        "alpaca",
        "private_data",
        "note",
        1,
        records=each(answer(lambda said: said + " Ask Ann at ann.miller@brightwater.org."), 2),
    ),
    Fault(
        "a key",
        "alpaca",
        "secrets",
        "note",
        1,
        records=each(answer(lambda said: said + " Use ghp_16C7e42F292c6912E7710c838347Ae178B4a."), 2),
    ),
    Fault(
        "two languages",
        "alpaca",
        "language_mix",
        "note",
        12,
        records=lambda examples: [
            *(replace(one, record_id=f"zh:{at}") for at, one in enumerate(CLEAN["chinese"]()[:12])),
            *examples,
        ],
    ),
    # copies
    Fault("copies", "alpaca", "duplicates", "warn", 5, records=copied(5)),
    Fault(
        "copies in capitals",
        "alpaca",
        "duplicates",
        "warn",
        6,
        records=lambda examples: [*(each(answer(str.upper))(copied(6)(examples)[:6])), *examples],
    ),
    Fault(
        "another answer to the same question",
        "alpaca",
        "contradictory_answers",
        "note",
        6,
        records=lambda examples: [
            *(each(answer(lambda said: "Nobody knows that."))(copied(3)(examples)[:3])),
            *examples,
        ],
    ),
    Fault(
        "held-out records that are trained on",
        "alpaca",
        "leak",
        "block",
        5,
        held=lambda train, held: [replace(one, record_id=f"held:{at}") for at, one in enumerate(train[:5])] + held,
    ),
    Fault(
        "one of many held-out records trained on",
        "alpaca",
        "leak",
        "warn",
        1,
        held=lambda train, held: [
            replace(train[0], record_id="held:0"),
            *[replace(one, record_id=f"zh:{at}") for at, one in enumerate(CLEAN["chinese"]())],
        ],
    ),
    Fault(
        "held-out records trained on in capitals",
        "alpaca",
        "leak",
        "block",
        4,
        held=lambda train, held: (
            [each(answer(str.upper))([replace(one, record_id=f"held:{at}")])[0] for at, one in enumerate(train[:4])]
            + held
        ),
    ),
    Fault(
        "held-out records trained on but for a slip",
        "documents",
        "near_leak",
        "warn",
        3,
        held=lambda train, held: (
            [
                each(question(lambda said: said.replace(" stands", "", 1)))([replace(one, record_id=f"held:{at}")])[0]
                for at, one in enumerate(train[:3])
            ]
            + held
        ),
    ),
    Fault(
        "held-out questions trained on with other answers",
        "chat",
        "prompt_leak",
        "warn",
        4,
        held=lambda train, held: (
            [
                each(
                    answer(
                        lambda said: "Ask in the shop where it was bought; they know all of that much better than I."
                    )
                )([replace(one, record_id=f"held:{at}")])[0]
                for at, one in enumerate(train[:4])
            ]
            + held
        ),
    ),
    # held out, read
    Fault("nothing held out", "alpaca", "nothing_held_out", "warn", None, held=lambda train, held: []),
    Fault("a fifth not read", "alpaca", "records_skipped", "warn", 18, skipped={"not_text": 10, "no_record": 8}),
)
