"""Votes: blind, undone, resumed, sealed until the end, and never inherited by another answer."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from compared_folder import ask, new_comparison, say
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import InputError, Refused
from curation.json_lines import append_line, lines_of
from training.compare.model import ANSWERS, VOTES, Answer, append
from training.compare.notes import NoteBook
from training.compare.votes import CHOICES, Ballots, Vote, VoteBook, fold, preferences


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(6):
        ask(tmp_path, f"p{number}", f"answer {number} of a", f"answer {number} of b, longer")
    return tmp_path


def test_sides_are_shuffled_by_the_seed_and_stay_where_they_are(folder: Path) -> None:
    names = [f"prompt {number}" for number in range(400)]
    orders = [VoteBook(folder, 1).order_of(name) for name in names]
    assert orders == [VoteBook(folder, 1).order_of(name) for name in names]
    assert orders != [VoteBook(folder, 2).order_of(name) for name in names]
    assert 160 < sum(order == ("a", "b") for order in orders) < 240
    assert {frozenset(order) for order in orders} == {frozenset("ab")}


def test_the_seed_of_a_book_is_that_of_its_comparison(tmp_path: Path) -> None:
    run = new_comparison(tmp_path / "runs", "x", "y", "prompts.seed=17")
    assert VoteBook(run).seed == 17
    assert VoteBook(tmp_path).seed == 0


@pytest.mark.parametrize("choice", CHOICES)
def test_a_vote_is_about_a_place_and_counts_for_who_stood_there(folder: Path, choice: str) -> None:
    book = VoteBook(folder, 3)
    for name in ("p0", "p1", "p2", "p3", "p4", "p5"):
        left, right = book.order_of(name)
        vote = book.cast(name, choice, "ann")  # type: ignore[arg-type]
        assert vote.winner == {"left": left, "right": right}.get(choice, "tie")
    tally = book.tally()
    assert tally.votes == 6
    assert tally.left == (6 if choice == "left" else 0)
    assert tally.bad == (6 if choice == "bad" else 0)
    assert tally.tie == (6 if choice == "tie" else 0)


def test_voting_goes_on_where_it_was(folder: Path) -> None:
    names = [f"p{number}" for number in range(6)]
    for number in range(6):
        book = VoteBook(folder)  # a new process each time
        assert book.progress("ann") == (number, 6)
        following = book.next_unvoted(names, "ann")
        assert following == f"p{number}"
        book.cast(following, "left", "ann")
    assert VoteBook(folder).next_unvoted(names, "ann") is None
    assert VoteBook(folder).next_unvoted(names, "bob") == "p0"


def test_votes_are_sealed_until_all_are_cast_or_somebody_looks(folder: Path) -> None:
    book = VoteBook(folder)
    for number in range(5):
        book.cast(f"p{number}", "left", "ann")
    assert not book.is_open("ann")
    assert (book.tally().votes, book.tally().sealed) == (0, 5)
    book.cast("p5", "left", "ann")
    assert book.is_open("ann")
    assert (book.tally().votes, book.tally().sealed) == (6, 0)

    book.cast("p0", "right", "bob")
    assert (book.tally().votes, book.tally().sealed, book.tally().authors) == (6, 1, 1)
    assert book.reveal("bob").votes == 7
    assert book.tally().authors == 2


def test_who_has_seen_the_sides_cannot_vote_or_undo(folder: Path) -> None:
    book = VoteBook(folder)
    book.cast("p0", "left", "ann")
    book.reveal("ann")
    with pytest.raises(Refused, match="no longer be blind"):
        book.cast("p1", "left", "ann")
    with pytest.raises(Refused):
        book.undo("ann")
    book.cast("p1", "left", "bob")
    forged = {**lines_of(folder / VOTES)[0], "vote_id": "forged", "prompt_id": "p2", "author": "ann"}
    append_line(folder / VOTES, forged)
    assert {vote.prompt_id for vote in VoteBook(folder).fresh() if vote.author == "ann"} == {"p0"}


def test_an_answer_given_anew_inherits_no_vote(folder: Path) -> None:
    book = VoteBook(folder)
    for number in range(6):
        book.cast(f"p{number}", "left", "ann")
    say(folder, "p2", "b", "another answer of b")
    assert book.tally().stale == 1
    assert book.next_unvoted(["p1", "p2"], "ann") == "p2"
    assert not book.is_open("ann")
    book.cast("p2", "tie", "ann")
    assert (book.tally().votes, book.tally().stale, book.tally().tie) == (6, 0, 1)
    say(folder, "p2", "b", "answer 2 of b, longer")  # word for word what the first vote was about: the last vote stays
    assert book.tally().stale == 1


def test_an_answer_that_was_called_off_is_none_to_vote_on(tmp_path: Path) -> None:
    ask(tmp_path, "p0", "whole", "whole too")
    append(tmp_path / ANSWERS, Answer("p1", "a", "whole", 2, 0.1, "end"))
    append(tmp_path / ANSWERS, Answer("p1", "b", "torn", 1, 0.1, "stopped"))
    book = VoteBook(tmp_path)
    assert set(book.pairs()) == {"p0"}
    with pytest.raises(InputError, match="both sides must have answered"):
        book.cast("p1", "left", "ann")


def test_equal_answers_are_passed_over(tmp_path: Path) -> None:
    ask(tmp_path, "p0", "the same", "the same")
    ask(tmp_path, "p1", "one", "other")
    book = VoteBook(tmp_path)
    assert book.next_unvoted(["p0", "p1"], "ann") == "p1"
    book.cast("p1", "left", "ann")
    assert book.progress("ann") == (1, 1)
    assert book.is_open("ann")


def test_a_wrong_choice_is_told_the_right_one(folder: Path) -> None:
    with pytest.raises(InputError) as raised:
        VoteBook(folder).cast("p0", "lefft", "ann")  # type: ignore[arg-type]
    assert raised.value.hint == "Did you mean 'left'?"


def test_the_author_is_whoever_votes_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_AUTHOR", "carol")
    vote = VoteBook(folder).cast("p0", "left")
    assert vote.author == "carol"
    assert VoteBook(folder).undo("ann") is None
    undone = VoteBook(folder).undo()
    assert undone is not None
    assert undone.vote_id == vote.vote_id


def test_a_torn_line_and_lines_of_another_kind_cost_nothing_else(folder: Path) -> None:
    book = VoteBook(folder)
    book.cast("p0", "left", "ann")
    with (folder / VOTES).open("ab") as stream:
        stream.write(b'{"kind": "vote", "vote_id": "x", "prompt')
    book.cast("p1", "left", "ann")
    for line in ({"kind": "vote"}, {"kind": "vote", **_line(choice="maybe")}, {"kind": "undo", "author": 5}, {"a": 1}):
        append_line(folder / VOTES, line)
    assert {vote.prompt_id for vote in VoteBook(folder).fresh()} == {"p0", "p1"}
    assert (folder / VOTES).stat().st_mode & 0o777 == 0o600


def test_several_processes_vote_at_once_and_none_is_lost(folder: Path) -> None:
    voting = (
        "import sys; from pathlib import Path; from training.compare.votes import VoteBook; "
        "book = VoteBook(Path(sys.argv[1])); [book.cast(f'p{n}', 'left', sys.argv[2]) for n in range(6)]"
    )
    voters = [subprocess.Popen([sys.executable, "-c", voting, str(folder), name]) for name in ("ann", "bob", "eve")]
    assert [voter.wait(60) for voter in voters] == [0, 0, 0]
    tally = VoteBook(folder).tally()
    assert (tally.votes, tally.authors) == (18, 3)


def _line(**changes: object) -> dict[str, object]:
    line: dict[str, object] = {
        "kind": "vote", "vote_id": "v", "prompt_id": "p", "choice": "left", "left": "a", "digests": ["x", "y"],
        "author": "ann", "at": "",
    }  # fmt: skip
    return {**line, **changes}


def _standing(lines: list[dict[str, object]]) -> dict[tuple[str, str], str]:
    return {key: vote.vote_id for key, vote in fold(lines).standing().items()}


_VOTES = st.lists(
    st.tuples(st.sampled_from(["ann", "bob"]), st.sampled_from(["p0", "p1", "p2"]), st.sampled_from(CHOICES)),
    max_size=12,
)


def _journal(votes: list[tuple[str, str, str]]) -> list[dict[str, object]]:
    return [
        _line(vote_id=f"v{place}", author=author, prompt_id=prompt, choice=choice)
        for place, (author, prompt, choice) in enumerate(votes)
    ]


@given(_VOTES, st.sampled_from(["ann", "bob"]), st.sampled_from(["p0", "p1", "p2"]), st.sampled_from(CHOICES))
def test_law_a_vote_and_its_undo_leave_everything_as_it_was(
    votes: list[tuple[str, str, str]], author: str, prompt: str, choice: str
) -> None:
    before = _journal(votes)
    vote = _line(vote_id="new", author=author, prompt_id=prompt, choice=choice)
    undo = {"kind": "undo", "vote_id": "new", "author": author}
    assert fold([*before, vote, undo]).cast == fold(before).cast
    somebody_else = {**undo, "author": "eve"}
    assert _standing([*before, vote, somebody_else])[author, prompt] == "new"


@given(_VOTES, st.randoms(use_true_random=False))
def test_law_how_authors_interleave_changes_nothing(votes: list[tuple[str, str, str]], order: random.Random) -> None:
    lines = _journal(votes)
    queues = {name: [line for line in lines if line["author"] == name] for name in ("ann", "bob")}
    mixed = []
    while any(queues.values()):
        name = order.choice([name for name, queue in queues.items() if queue])
        mixed.append(queues[name].pop(0))
    assert _standing(mixed) == _standing(lines)
    assert _standing([*lines, *lines]) == _standing(lines), "reading a journal twice is reading it once"


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(CHOICES), st.sampled_from(["p", "q"]))), st.randoms())
def test_law_preferences_do_not_depend_on_the_order_and_mirror(
    votes: list[tuple[str, str, str]], order: random.Random
) -> None:
    made = [Vote(str(at), prompt, choice, left, ("", ""), "", "") for at, (left, choice, prompt) in enumerate(votes)]  # type: ignore[arg-type]
    shuffled = list(made)
    order.shuffle(shuffled)
    found = preferences(made)
    assert preferences(shuffled) == found
    mirrored = [Vote(v.vote_id, v.prompt_id, v.choice, "b" if v.left == "a" else "a", v.digests, "", "") for v in made]
    swap = {"a": "b", "b": "a", "tie": "tie"}
    assert preferences(mirrored) == {name: swap[winner] for name, winner in found.items()}


@settings(max_examples=30)
@given(st.lists(st.one_of(st.none(), st.integers(), st.text(), st.dictionaries(st.text(), st.text())), max_size=8))
def test_law_no_line_can_break_a_journal(values: list[object]) -> None:
    keys = ("kind", "vote_id", "prompt_id", "choice", "left", "digests", "author", "at")
    line = dict(zip(keys, [*values, *[None] * 8], strict=False))
    for kind in ("vote", "undo", "reveal", line["kind"]):
        assert isinstance(fold([{**line, "kind": kind}, _line()]), Ballots)


def test_notes_and_favourites_are_kept_and_taken_back(tmp_path: Path) -> None:
    book = NoteBook(tmp_path)
    book.note("p0", "wrong year 年")
    book.note("p1", "good")
    book.note("p1", "")
    book.favour("p0")
    book.favour("p2", True)
    book.favour("p2", False)
    with (tmp_path / "notes.jsonl").open("ab") as stream:
        stream.write(json.dumps({"kind": "note", "prompt_id": "p3", "text": 5}).encode() + b'\n{"kind"')
    again = NoteBook(tmp_path)
    again.note("p4", "after a torn line")
    assert again.notes() == {"p0": "wrong year 年", "p4": "after a torn line"}
    assert again.favourites() == {"p0"}
    with pytest.raises(InputError, match="20,001"):
        book.note("p0", "x" * 20_001)
