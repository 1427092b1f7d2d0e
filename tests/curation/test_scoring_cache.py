"""The cache of scores: exact numbers, several processes at once, and no harm from a damaged file."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from curation.scoring.cache import ScoreCache, score_key, scores_file

KEYS = [score_key("test 1", str(number)) for number in range(2000)]


def test_numbers_come_back_exactly(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite"
    kept = {key: (number / 7, float(number), -1e-300) for number, key in enumerate(KEYS)}
    with ScoreCache(path) as cache:
        cache.put(kept)
        assert cache.get(KEYS) == kept
        cache.put({KEYS[0]: (5.0,)})
    with ScoreCache(path) as cache:
        assert cache.get([KEYS[0], score_key("test 1", "unknown"), KEYS[9]]) == {
            KEYS[0]: (5.0,),
            KEYS[9]: kept[KEYS[9]],
        }


def test_scorer_and_content_make_the_key_unambiguously() -> None:
    keys = {score_key("a", "b", "c"), score_key("a", "bc"), score_key("ab", "c"), score_key("a", "b", "c", "")}
    assert len(keys) == 4
    assert score_key("a", "\ud800") != score_key("a", "?")  # a lone surrogate is no reason to stop


def test_it_lies_in_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "mine"))
    with ScoreCache() as cache:
        cache.put({KEYS[0]: (1.0,)})
    assert scores_file().parent == tmp_path / "mine" / "scores"
    assert b"test 1" not in scores_file().read_bytes()


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite"
    code = (
        "import sys; from pathlib import Path; from curation.scoring.cache import ScoreCache, score_key\n"
        "who = int(sys.argv[2])\n"
        "with ScoreCache(Path(sys.argv[1])) as cache:\n"
        "    for n in range(60):\n"
        "        cache.put({score_key('p', str(n)): (float(n),), score_key('p', str(who), str(n)): (float(who), float(n))})\n"
        "        cache.note_rate('reading', 2.0, 4.0)\n"
        "        assert cache.get([score_key('p', str(n))])[score_key('p', str(n))] == (float(n),)\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), str(who)]) for who in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    with ScoreCache(path) as cache:
        wanted = {score_key("p", str(who), str(n)): (float(who), float(n)) for who in range(3) for n in range(60)}
        assert cache.get(list(wanted)) == wanted
        assert cache.rate("reading") == pytest.approx(0.5)


def test_a_rate_follows_what_is_measured(tmp_path: Path) -> None:
    with ScoreCache(tmp_path / "scores.sqlite") as cache:
        assert cache.rate("reading") is None
        cache.note_rate("reading", 10, 10)
        assert cache.rate("reading") == 1
        for _ in range(12):
            cache.note_rate("reading", 1, 10)
        assert cache.rate("reading") == pytest.approx(0.1, rel=0.01)
        assert cache.rate("other") is None


def test_a_failed_write_leaves_nothing_and_the_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite"
    with ScoreCache(path) as cache, pytest.raises(Exception, match="float"):
        cache.put({KEYS[0]: (1.0,), KEYS[1]: ("x",)})  # type: ignore[dict-item]
    with ScoreCache(path) as cache:
        assert cache.get(KEYS[:2]) == {}


@pytest.mark.parametrize("damage", ["garbage", "cut", "unwritable", "value"])
def test_a_cache_that_cannot_be_used_costs_time_alone(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "folder" / "scores.sqlite"
    with ScoreCache(path) as cache:
        cache.put(dict.fromkeys(KEYS, (1.0,)))
    if damage == "garbage":
        path.write_bytes(b"this is no database" * 1000)
    elif damage == "cut":
        os.truncate(path, path.stat().st_size // 2)
    elif damage == "unwritable":
        path = path / "below a file" / "scores.sqlite"
    else:
        base = sqlite3.connect(path)
        base.execute("UPDATE scores SET numbers = x'010203'")
        base.commit()
        base.close()
    with ScoreCache(path) as cache:
        assert len(cache.get(KEYS)) < len(KEYS)
        cache.put({KEYS[0]: (1.0,)})
        cache.note_rate("reading", 1, 1)
    assert "measured again" in caplog.text
    if damage in ("garbage", "cut"):
        with ScoreCache(path) as cache:
            cache.put({KEYS[1]: (2.0,)})
            assert cache.get(KEYS) == {KEYS[1]: (2.0,)}
