from __future__ import annotations

from typing import Any

import pytest
from batches import batch_of, reasons
from prose_samples import DE, EL, EN, JA, KO, TH, ZH

from curation.schema import Batch, Decisions
from curation.stage import StageContext
from curation.stages.quality import Quality


def decided(batch: Batch, **settings: Any) -> Decisions:
    return Quality(**settings).decide(batch, StageContext())


def why(text: str, **settings: Any) -> str | None:
    """The reason for which one text is dropped or edited, None if it stays as it is."""
    return reasons(decided(batch_of([text]), **settings)).get("a:1")


def web(text: str, **settings: Any) -> str | None:
    return why(text, profile="web", **settings)


def test_good_documents_stay_in_every_language() -> None:
    for text in (EN, ZH, JA, DE):
        assert web(text, c4_remove_lines=True) is None, text
    assert web(TH, min_words=20) is None


def _menu(word: str) -> str:
    return "\n".join(f"{word} {i}" for i in range(60))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("The cat sat on the mat and looked at the dog.", "gopher_too_few_words"),
        ("猫坐在垫子上，看着那只狗。", "gopher_too_few_words"),
        ("a b c d of to i j k l " * 10, "gopher_short_words"),
        ("the of extraordinarily incomprehensible internationalization " * 15, "gopher_long_words"),
        (EN + " # # # # # # # # # #", "gopher_hashes"),
        (ZH + " #标题" * 20, "gopher_hashes"),
        (EN + " ..." * 10, "gopher_ellipses"),
        ("……".join(ZH[i : i + 6] for i in range(0, len(ZH), 6)), "gopher_ellipses"),
        (EN.replace(". ", ".\n- ").replace("The old", "- The old"), "gopher_bullet_lines"),
        (ZH.replace("。", "。\n● ").replace("老港口", "● 老港口").removesuffix("\n● "), "gopher_bullet_lines"),
        (EN.replace(". ", "...\n"), "gopher_ellipsis_lines"),
        (ZH.replace("。", "……\n", 5), "gopher_ellipsis_lines"),
        (" ".join(f"the {n}000 of {n * 7}00 and 100" for n in range(30)), "gopher_few_alphabetic"),
        ("，，！！？？——" * 8 + ZH, "gopher_few_alphabetic"),
        ("Boats nets baskets market evening harbour wall morning noon catch " * 6, "gopher_few_stop_words"),
        ("甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥" * 5, "gopher_few_stop_words"),
        (EN + " Lorem ipsum dolor sit amet.", "c4_lorem_ipsum"),
        (EN + " We call f {x} here.", "c4_curly_bracket"),
        (ZH + "我们称之为 {x}。", "c4_curly_bracket"),
        (EN.replace(". ", ", and ").replace(", and Then", ". Then"), "c4_too_few_sentences"),
        (ZH.replace("。", "，", 5), "c4_too_few_sentences"),
        (EN + "\n" + EN, "fineweb_duplicate_lines"),
        (ZH + "\n" + ZH, "fineweb_duplicate_lines"),
        (EN + "".join(f"\nWe see the {w} boat." for w in EN.split()[:9]), "fineweb_short_lines"),
    ],
)
def test_what_the_web_profile_drops(text: str, reason: str) -> None:
    assert web(text) == reason


def test_fineweb_on_its_own() -> None:
    only = {"rules": ("fineweb",)}
    assert web(" \n\t\n", **only) == "fineweb_empty"
    assert web(_menu("A line without any mark at its end is here"), **only) == "fineweb_few_terminal_lines"
    assert web(_menu("这一行的末尾没有任何标点符号，它只是一个菜单"), **only) == "fineweb_few_terminal_lines"
    assert web("\n".join(f"Short {n}." for n in range(9)), **only) == "fineweb_short_lines"
    assert web("\n".join(f"第{n}行。" for n in range(9)), **only) == "fineweb_short_lines"
    # Thirty Chinese characters say as much as a long line of English; the same length in English would be short.
    assert web("\n".join(f"第{n}天，我们一起去了那个老港口，看渔船回来。" for n in range(9)), **only) is None
    assert web("\n".join(f"We left at {n} that day." for n in range(9)), **only) == "fineweb_short_lines"
    # A closing quote may follow the mark in Chinese.
    assert web("\n".join(f"他第{n}次对我说：“明天我们还要去老港口看渔船。”" for n in range(9)), **only) is None
    long = "Incomprehensibilities-of-internationalization."
    assert web("\n".join(f"{n}{long}" for n in range(9)), **only, fineweb_max_newlines=0.1) == "fineweb_many_newlines"


CODE = "Here it is:\n\n```python\ndef f(x):\n    return {k: v for k, v in x}  # ### ...\n```\n\nIt copies a dict."
BARE_CODE = "def add(a, b):\n    # add two numbers\n    return a + b\n\nprint(add(1, 2))\nprint({'a': [1, 2, 3]})"
CSS = ".menu {\n  color: red;\n  margin: 0 auto;\n}\n\n.menu a {\n  color: #ff0000;\n}"
TABLE = "| n | n² |\n|---|---|\n| 1 | 1 |\n| 2 | 4 |\n| 3 | 9 |\n| 4 | 16 |\n| 5 | 25 |\n| 6 | 36 |"
POEM = "The wind comes in\nand goes...\n\nThe tide comes in\nand goes.\n\nI stay\nand stay\nand stay.\n\nGoodbye"
JSON_ANSWER = '{"name": "Zhang", "age": 35, "tags": ["a", "b"]}'
LATEX = r"The root is $\frac{-b \pm \sqrt{b^2 - 4ac}}{2a}$ and \[\int_0^1 {x} dx = \frac{1}{2}\]"
CHINESE_POEM = "床前明月光，\n疑是地上霜。\n举头望明月，\n低头思故乡。"
TRAILING_OFF = (
    "so the story of the harbour goes...\nand the wind from the sea still blows...\nand all of us who came to know\n"
    "that it ends\nwhere the grass and the flowers grow"
)
FORM = "Please fill in:\nName: ____________________\nTown: ____________________\n==============\nThank you *****"
LIST_ZH = "- 苹果\n- 香蕉\n- 橙子\n- 葡萄\n- 西瓜\n- 桃子"


@pytest.mark.parametrize(
    "answer",
    [
        "Paris",
        "42",
        "No.",
        "3.14",
        ":)",
        "是",
        "巴黎",
        "🎉🎉🎉",
        "2 + 2 = 4",
        "1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144",
        "- apples\n- pears\n- plums\n- figs\n- dates\n- limes",
        "* one\n* two\n* three\n* four\n* five",
        LIST_ZH,
        CODE,
        BARE_CODE,
        CSS,
        TABLE,
        POEM,
        CHINESE_POEM,
        JSON_ANSWER,
        FORM,
        LATEX,
        "# Title\n\n## First\n\ntext\n\n## Second\n\ntext\n\n### Third\n\nmore text for the reader here",
        "#sunset #sea #boats #harbour #summer #holiday #wind #sand #friends #love #instagood",
        "To be continued...",
        "I wonder...\nMaybe...\nNo.",
        "Lorem ipsum is the dummy text printers use to fill a page.",
        "To enable JavaScript in Chrome, open the settings and choose Site settings, then JavaScript.",
        "JavaScript is a programming language. It runs in browsers.",
        "JavaScript是一种编程语言，可以在浏览器里运行。",
        "Websites use cookies to remember you. Read the privacy policy to learn how.",
        "In Jinja you write `{{ name }}` to print a variable:\n\n```\nHello {{ name }}\n```",
        "You can say f'{name}' in Python, or a set {1, 2, 3}.",
        "北京、上海、广州、深圳",
    ],
)
def test_short_and_structured_answers_survive_under_sft(answer: str) -> None:
    assert why(answer) is None
    chat = batch_of([[("user", "Question?"), ("assistant", answer)]])
    assert decided(chat).rows.is_empty()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("@#$ %^& *() !!! ??? ;;; ::: <<< >>> ||| ~~~ ---", "gopher_few_alphabetic"),
        ("！！！？？？。。。，，，：：：；；；", "gopher_few_alphabetic"),
        ("\ufffd\ufffd \ufffd\ufffd \ufffd \ufffd\ufffd\ufffd \ufffd\ufffd\ufffd", "gopher_few_alphabetic"),
        ("## # ### # ## ### # ### ## and so on to the end of it", "gopher_hashes"),
        ("It was ... then ... and ... but ... so ... and it ... went ... on", "gopher_ellipses"),
        ("他说……然后……可是……所以……就这样……算了……", "gopher_ellipses"),
        (TRAILING_OFF, "gopher_ellipsis_lines"),
        ("-\n- \n•\n*\n-\n-", "gopher_bullet_lines"),
        ("Lorem ipsum dolor sit amet, consectetur adipiscing elit.", "c4_lorem_ipsum"),
        ("Hello! I am {{name}}, built by {{author}}.", "c4_curly_bracket"),
        ("您好，我是 {{name}}，很高兴为您服务。", "c4_curly_bracket"),
        ("Welcome {% if user %} back", "c4_curly_bracket"),
        ("Please enable JavaScript to view this page.\nThe harbour is old.", "c4_javascript_notice"),
        ("港口很老。\n请启用JavaScript后继续浏览。", "c4_javascript_notice"),
        ("您的浏览器不支持 JavaScript", "c4_javascript_notice"),
        ("We use cookies to improve your experience.\nThe harbour is old.", "c4_policy_notice"),
        ("本网站使用Cookie来改善体验。", "c4_policy_notice"),
        ("By continuing to browse you agree to our use of cookies.", "c4_policy_notice"),
    ],
)
def test_garbage_goes_under_sft(answer: str, reason: str) -> None:
    assert why(answer) == reason


def test_scores_and_thresholds_say_what_was_measured() -> None:
    row = decided(batch_of(["One two three."]), profile="web").rows.row(0, named=True)
    assert (row["action"], row["reason"], row["score"], row["threshold"]) == ("drop", "gopher_too_few_words", 3.0, 50.0)
    row = decided(batch_of([EN + " # # # # # # # # # #"]), profile="web").rows.row(0, named=True)
    words = len(EN.replace(".", " .").replace(",", " ,").split()) + 10
    assert row["score"] == pytest.approx(10 / words)
    assert row["threshold"] == 0.1


def test_chinese_words_are_estimated_from_characters() -> None:
    settings = {"rules": ("gopher",), "min_stop_words": None}
    row = decided(batch_of(["港" * 79]), profile="web", **settings).rows.row(0, named=True)
    assert row["score"] == pytest.approx(79 / 1.6)
    assert web("港" * 80, **settings) is None
    # An English text that quotes some Chinese is still English, and each of its words one.
    assert web(EN + " (老港口)", rules=("gopher",)) is None


def test_scripts_without_a_list_of_stop_words_are_not_held_to_one() -> None:
    settings = {"rules": ("gopher",), "min_words": 10}
    assert web(EL, **settings) is None
    assert web(KO, **settings) is None
    assert web(EL, **settings, language="en") == "gopher_few_stop_words"


C4_WEB = {"profile": "web", "rules": ("c4",), "c4_remove_lines": True, "c4_min_sentences": None}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("A menu without a mark", "c4_line_no_terminal"),
        ("菜单没有标点", "c4_line_no_terminal"),
        ("It goes on and on and on...", "c4_line_no_terminal"),
        ("Click here.", "c4_line_few_words"),
        ("点击。", "c4_line_few_words"),
        ("Turn on JavaScript to go on.", "c4_line_javascript"),
        ("Read our Privacy Policy before you go.", "c4_line_policy"),
        (f"The key is {'x' * 1001} as you see.", "c4_line_long_word"),
    ],
)
def test_c4_takes_lines_out(line: str, reason: str) -> None:
    found = decided(batch_of([f"{EN}\n{line}\n{ZH}"]), **C4_WEB)
    row = found.rows.row(0, named=True)
    assert (row["action"], row["reason"], row["score"], row["detail"]) == ("edit", reason, 1.0, f"{reason}: 1")
    assert found.edits.select("turn", "after").rows() == [(0, f"{EN}\n{ZH}")]


def test_c4_cuts_citations_and_blanks() -> None:
    found = decided(batch_of([f"The harbour[12] is old[edit].\n\n  {EN}  "]), **C4_WEB)
    assert found.edits["after"].to_list() == [f"The harbour is old.\n{EN}"]
    assert found.rows["reason"].to_list() == ["c4_citations"]
    assert why(f"{EN}  ", **C4_WEB) == "c4_trimmed"
    assert why(EN, **C4_WEB) is None


def test_c4_names_the_most_frequent_reason_first() -> None:
    found = decided(batch_of([f"{EN}\nHome\nAbout us\nClick here.\nBack to the top"]), **C4_WEB).rows.row(0, named=True)
    assert found["reason"] == "c4_line_no_terminal"
    assert found["detail"] == "c4_line_no_terminal: 3, c4_line_few_words: 1"
    assert found["score"] == 4


def test_later_rules_see_what_c4_left() -> None:
    text = EN + "\nHome\nAbout us\nContact\nTerms\nMore about the shop\nBack to the top"
    assert web(text, rules=("fineweb",)) == "fineweb_short_lines"
    assert web(text, rules=("c4", "fineweb"), c4_remove_lines=True) == "c4_line_no_terminal"
    assert web(text, rules=("fineweb", "c4"), c4_remove_lines=True) == "fineweb_short_lines"
    assert web(text, rules=("c4", "fineweb")) == "fineweb_short_lines"


def test_a_dropped_record_is_not_edited_as_well() -> None:
    found = decided(batch_of([EN + "\n" + EN + "\nHome", EN + "\nHome"]), profile="web", c4_remove_lines=True)
    assert found.rows.select("record_id", "action").rows() == [("a:1", "drop"), ("a:2", "edit")]
    assert found.edits["record_id"].to_list() == ["a:2"]


def test_notice_lines_can_be_taken_out_of_answers_and_nothing_else_changes() -> None:
    answer = "Line one  \n\n    code()\r\nPlease enable JavaScript to use this site.\n\tlast\n"
    found = decided(batch_of([answer]), c4_remove_lines=True)
    assert found.rows.select("action", "reason").rows() == [("edit", "c4_line_javascript")]
    assert found.edits["after"].to_list() == ["Line one  \n\n    code()\r\n\tlast\n"]
    assert why("Lorem ipsum dolor sit amet.", c4_remove_lines=True) == "c4_lorem_ipsum"


def test_each_turn_is_edited_by_itself_and_turns_are_judged_together() -> None:
    half = EN.index(" wait") + 1
    chat = [("user", "Home"), ("assistant", f"{EN[:half]}.\nMenu"), ("user", "?"), ("assistant", f"Menu\n{EN[half:]}")]
    found = decided(batch_of([chat]), profile="web", rules=("gopher", "c4"), c4_remove_lines=True)
    assert found.rows.select("action", "reason", "score").rows() == [("edit", "c4_line_no_terminal", 2.0)]
    assert found.edits.select("turn", "after").rows() == [(1, f"{EN[:half]}."), (3, EN[half:])]


def test_a_rejected_answer_is_judged_apart() -> None:
    twins = [("user", "Why?"), ("chosen", EN), ("rejected", EN)]
    assert decided(batch_of([twins]), profile="web").rows.is_empty()
    bad = [("user", "Why?"), ("chosen", EN), ("rejected", "Hello {{name}}")]
    row = decided(batch_of([bad])).rows.row(0, named=True)
    assert (row["reason"], row["detail"]) == ("c4_curly_bracket", "rejected answer")
    assert decided(batch_of([bad]), part="assistant").rows.is_empty()


def test_records_without_the_part_and_empty_batches_are_left_alone() -> None:
    assert decided(batch_of([[("user", "Hello {{name}}")]]), profile="web").rows.is_empty()
    assert decided(batch_of([]), profile="web", c4_remove_lines=True).rows.is_empty()
    assert why("") is None
    assert web("") == "gopher_too_few_words"
    assert decided(batch_of([[("user", "Call it"), ("assistant", "")]])).rows.is_empty()


def test_the_outcome_does_not_depend_on_the_batch() -> None:
    texts = [
        EN,
        ZH,
        JA,
        TH,
        DE,
        "",
        "One.",
        EN + "\nHome",
        CODE,
        TABLE,
        ZH + "\n菜单",
        "# # # # # # # # # # a b",
        EN * 2,
    ]
    for settings in ({"profile": "web", "c4_remove_lines": True}, {}):
        whole = decided(batch_of(texts), **settings)
        apart = [decided(batch_of([text]), **settings) for text in texts]
        assert whole.rows["record_id"].is_unique().all()
        expected = [found.rows.drop("record_id").rows() for found in apart]
        by_record = {row[0]: row[1:] for row in whole.rows.rows()}
        assert [[by_record[f"a:{n}"]] if f"a:{n}" in by_record else [] for n in range(1, len(texts) + 1)] == expected
        assert sorted(whole.edits["after"]) == sorted(after for found in apart for after in found.edits["after"])
