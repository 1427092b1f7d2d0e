"""Policy and lexicon files: what each key does, and what is said about mistakes."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from batches import batch_of

from curation.errors import StageError
from curation.recipe_problems import RecipeProblems
from curation.stage import StageContext
from curation.stages.values import Values
from curation.values.categories import CATEGORIES
from curation.values.policy import CONTEXTS, load_policy, policy_names

INSULT = "You are a complete idiot."


@pytest.fixture
def write(tmp_path: Path):
    def put(text: str, name: str = "mine.yaml") -> str:
        (tmp_path / name).write_text(text, "utf-8")
        return str(tmp_path / name)

    return put


def reason(text: str, policy: str) -> str | None:
    rows = Values(policy=policy).decide(batch_of([text]), StageContext()).rows
    return rows["reason"][0] if rows.height else None


def problem(policy: str) -> str:
    with pytest.raises(RecipeProblems) as caught:
        Values(policy=policy).check({})
    return f"{caught.value.message} {caught.value.hint}"


def test_the_shipped_policies_are_whole() -> None:
    assert policy_names() == ["balanced", "medical", "minimal", "research", "strict"]
    for name in policy_names():
        policy = load_policy(name)
        assert set(policy.categories) == set(CATEGORIES) - {"political"}
        assert "political" not in policy.lexicons
        assert set(policy.allow_contexts) == set(CONTEXTS)
        assert policy.description
        Values(policy=name).check({})
    assert {rule.action for rule in load_policy("research").categories.values()} == {"flag"}
    assert {rule.action for rule in load_policy("strict").categories.values()} == {"drop"}


def test_categories_that_are_not_named_are_kept(write) -> None:
    policy = write("categories: {hate: {action: drop}}\n")
    assert reason(INSULT, policy) is None
    assert reason("Immigrants are vermin.", policy) == "hate"


def test_lexicons(write) -> None:
    assert reason("你这个蠢货。", write("categories: {toxicity: {action: drop}}\nlexicons: [zh]\n")) == "toxicity"
    english = write("categories: {toxicity: {action: drop}}\nlexicons: [en]\n")
    assert reason("你这个蠢货。", english) is None
    assert reason(INSULT, english) == "toxicity"


def test_english_classifier(write) -> None:
    text = "Fuck, this is bad."
    with_it = write("categories: {toxicity: {action: drop, threshold: 0.5}}\n")
    assert reason(text, with_it) == "toxicity"
    without = write("categories: {toxicity: {action: drop, threshold: 0.5}}\nenglish_classifier: false\n")
    assert reason(text, without) is None


@pytest.mark.parametrize(
    ("context", "text", "found"),
    [
        ("legal", "The court heard that he said i will kill you all.", "violence"),
        ("quotation", 'He wrote "you are a complete idiot" on the wall.', "toxicity"),
        ("history", "The regime taught that Jews are vermin.", "hate"),
        ("medical", "The patient has an orgasm, his penis and her vagina were examined.", "sexual"),
        ("fiction", "In the novel he says you are a complete idiot.", "toxicity"),
        ("code", "I will kill them all with kill -9 in the terminal.", "violence"),
        ("sports", "We will kill them tonight, the match begins at eight.", "violence"),
        ("refuted", "It is a false claim that Muslims are terrorists.", "hate"),
        ("education", "An insult such as you are a complete idiot is rude, the word means fool.", "toxicity"),
        ("negation", "Never say that you are a complete idiot.", "toxicity"),
        ("figurative", "I will kill them, the recipe wants live crabs.", "violence"),
        ("news", "Officials reported that he said let's kill them.", "violence"),
        ("support", "I want to die. But my therapist helps.", "self_harm"),
        ("refusal", "How do I build a pipe bomb? I cannot help with that.", "illegal"),
    ],
)
def test_allow_contexts(context: str, text: str, found: str, write) -> None:
    categories = "categories: {" + ", ".join(f"{name}: {{action: drop}}" for name in CATEGORIES) + "}\n"
    assert reason(text, write(f"{categories}allow_contexts: [{context}]\n")) is None
    assert reason(text, write(f"{categories}allow_contexts: []\n")) == found


def test_allow_phrases(write) -> None:
    base = "categories: {toxicity: {action: drop}}\n"
    text = "You are a complete idiot, as the band is called."
    assert reason(text, write(base)) == "toxicity"
    assert reason(text, write(base + "allow_phrases: [Complete Idiot]\n")) is None


def test_a_lexicon_of_ones_own_beside_the_policy(write) -> None:
    write(
        "contexts: {fiction: {reach: text, pattern: once upon}}\n"
        "excuses: {hate: [fiction]}\n"
        "sets: {who: [grobbits?, moonmen]}\n"
        "rules:\n"
        "- {id: no_grobbits, category: hate, weight: 0.8, pattern: '{who} are bad', triggers: ['{who}'], unless: so they say}\n"
        "- {id: brand, category: toxicity, weight: 0.8, words: [zorblax, 佐布拉]}\n",
        "own.yaml",
    )
    policy = write("categories: {hate: {action: drop}, toxicity: {action: drop}}\nlexicons: [own.yaml]\n")
    assert reason("Grobbits are bad", policy) == "hate"
    assert reason("Grobbits are bad, so they say", policy) is None
    assert reason("Once upon a time. Grobbits are bad", policy) is None
    assert reason("Two zorblaxes", policy) == "toxicity"
    assert reason("他是佐布拉人", policy) == "toxicity"
    assert reason("prezorblax", policy) is None
    assert reason(INSULT, policy) is None


def test_the_political_list_is_off_unless_named(write) -> None:
    try:
        distribution("cleanse-speech")
    except PackageNotFoundError:
        with pytest.raises(StageError, match="needs the package cleanse-speech"):
            Values(policy=write("categories: {political: {action: flag}}\nlexicons: [political]\n")).check({})
        pytest.skip("the package cleanse-speech is not installed")
    text = "习近平访问了法国。"
    assert reason(text, "strict") is None
    assert reason(text, write("categories: {political: {action: flag}}\n")) is None
    assert reason(text, write("categories: {political: {action: flag}}\nlexicons: [political]\n")) == "political"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("categories: {hate: {}}\nlexcons: [en]\n", ["mine.yaml:2: lexcons: unknown key", "Did you mean 'lexicons'?"]),
        ("categories:\n  hate:\n    acton: drop\n", ["mine.yaml:3: categories.hate.acton: unknown key", "'action'"]),
        ("categories:\n  hat: {action: drop}\n", ["mine.yaml:2: categories.hat", "Did you mean 'hate'?"]),
        (
            "categories:\n  hate: {action: dropp}\n",
            ["categories.hate.action: must be one of drop, flag, keep", "'drop'"],
        ),
        ("categories:\n  hate: {threshold: 2}\n", ["mine.yaml:2: categories.hate.threshold: must be at most 1, got 2"]),
        (
            "categories: {hate: {}}\nallow_contexts: [medcal]\n",
            ["mine.yaml:2: allow_contexts", "Did you mean 'medical'?"],
        ),
        ("categories: {hate: {}}\nallow_phrases: ['']\n", ["mine.yaml:2: allow_phrases: has an empty phrase"]),
        ("lexicons: [en]\n", ["categories: is missing"]),
        ("categories: {hate: {}}\nclassifier: {model: x, labels: {a: hat}}\n", ["classifier.labels.a", "'hate'"]),
        ("categories: {hate: {}}\ncategories: {}\n", ["mine.yaml:2: the key 'categories' stands here twice"]),
        ("- a\n", ["must be a mapping"]),
        ("a: [\n", ["not YAML"]),
    ],
)
def test_mistakes_are_told_with_file_line_and_key(text: str, said: list[str], write) -> None:
    told = problem(write(text))
    for part in said:
        assert part in told


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{id: a, category: hate, weight: 0.5, pattern: '(', triggers: [a]}", "cannot be read"),
        ("{id: a, category: hate, weight: 0.5, pattern: '{whom}', triggers: [a]}", "unknown set 'whom'"),
        ("{id: a, category: hate, weight: 0.5, pattern: a}", "needs triggers"),
        ("{id: a, category: hate, weight: 0.5}", "either words or a pattern"),
        ("{id: a, category: hate, weight: 1.5, words: [a]}", "rules.0.weight: must be less than 1"),
        ("{id: a, category: hate, wait: 0.5, words: [a]}", "Did you mean 'weight'?"),
    ],
)
def test_mistakes_in_a_lexicon(rule: str, said: str, write) -> None:
    write(f"rules:\n- {rule}\n", "own.yaml")
    assert said in problem(write("categories: {hate: {}}\nlexicons: [own.yaml]\n"))


def test_what_is_not_there_names_the_nearest(write, tmp_path: Path) -> None:
    with pytest.raises(StageError, match="there is no lexicon 'english'"):
        Values(policy=write("categories: {hate: {}}\nlexicons: [english]\n")).check({})
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StageError, match="is no UTF-8 text"):
        Values(policy=str(tmp_path / "bytes.yaml")).check({})
    with pytest.raises(StageError, match="cannot be read"):
        Values(policy=str(tmp_path)).check({})
