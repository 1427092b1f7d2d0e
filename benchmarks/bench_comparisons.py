"""What `bench.py` compares: which benchmark with which arguments, and what the reader must know to judge it fairly."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """A benchmark and its page. full, quick: arguments that say how much. ours: the line that the others are divided by.
    columns: keys of what its lines hold beside time and memory. unfair: to whom, and how.
    """

    title: str
    about: str
    script: str
    full: tuple[str, ...]
    quick: tuple[str, ...]
    columns: tuple[str, ...]
    unfair: tuple[str, ...]
    ours: str = "studio"
    arguments: tuple[str, ...] = ()


WHOLE = "Whole programs: start-up, reading and writing included."

COMPARISONS = {
    "curate": Comparison(
        "A cheap recipe",
        "Unicode, HTML, web addresses, white space, length, language, exact duplicates, on generated records in seven "
        f"languages, a tenth of them exact copies, a quarter of them dirty. {WHOLE}",
        "curate.py",
        ("--records", "100000"),
        ("--records", "2000", "--workers", "1"),
        ("kept", "agree"),
        (
            "To studio: it writes a ledger, a card and, but for `--no-report`, a report with charts as well.",
            "To data-juicer: it gets `ftfy` for Unicode, which repairs more, and it is built to run on many machines; a "
            "process of it loads torch and Ray.",
            "Not the same work: datatrove takes no HTML out, llm-sanitizer-pro no web addresses; all repair text and count "
            "white space in their own ways, and disagree about the language of short texts.",
        ),
    ),
    "exact": Comparison(
        "Exact duplicates alone",
        f"The first of equal texts is kept. {WHOLE}",
        "exact.py",
        ("--records", "100000"),
        ("--records", "5000"),
        ("kept", "agree"),
        (
            "To studio: the others write the records that are left and nothing else; it reads strictly, and writes a ledger "
            "with the twin of each dropped record, a card and (but for its second line) a report.",
            "To llm-sanitizer-pro: it also cleans and measures each record, which cannot be put off.",
        ),
    ),
    "near": Comparison(
        "Near duplicates",
        "Records of real sentences with planted copies whose similarity is known, and with records that only look like "
        "copies: another number, one template with other fillings, one preamble before other answers. Word 3-grams, "
        "threshold .7, recall over pairs of .8 and more; one thread each. A distinct record is lost where nothing that says "
        "the same stays.",
        "dedup.py",
        ("--records", "20000", "--language", "en", "mixed"),
        ("--records", "4000", "--language", "en", "mixed"),
        ("removed", "recall", "precision", "lost"),
        (
            "To the libraries (datasketch, rensa, gaoya, semhash): scripts of ten lines in plain Python around them, as "
            "their documentation shows, with sets of 3-grams made in Python; they are held against the stage as a library. "
            "`studio curate` is the whole program.",
            "To the peers: they do not verify pairs, and are not asked to; the corpus has the look-alikes that studio is "
            "made to tell apart, and was made by its authors.",
            "To semhash: it goes by meaning, at its own threshold of .9, with the one static model that a package carries.",
            "To datatrove: its banding is its own (14 bands of 8), made for trillions of words on many machines.",
        ),
        ours="near stage",
    ),
    "filters": Comparison(
        "The published filters",
        "Gopher, C4 and FineWeb over the same English documents; CPU seconds of the filters alone, libraries loaded before. "
        "`pipeline` is all of them one after the other.",
        "quality_agreement.py",
        ("--records", "20000"),
        ("--records", "1500"),
        ("agree", "reasons"),
        (
            "To datatrove: its tokenizer for words is spaCy's, which its rules were published with; studio has its own that "
            "splits alike.",
        ),
    ),
    "structured": Comparison(
        "Personal data: numbers, addresses of mail, keys",
        "Held-out sentences made by templates that no rule was tried on. CPU seconds of the search alone. Look-alikes are "
        "texts with nothing personal: the fewer touched, the better.",
        "pii_structured.py",
        ("--per-entity", "200"),
        ("--per-entity", "30"),
        ("recall", "precision", "touched"),
        (
            "To Presidio: the sentences have Chinese documents and secrets, for which it has no recognisers by default; the "
            "templates are by studio's authors.",
            "To studio: Presidio is asked for no names here, with an empty pipeline.",
        ),
    ),
    "names": Comparison(
        "Personal data: names and postal addresses",
        "Held-out hand-written sentences, the same spaCy model on both sides, models loaded before.",
        "pii_names.py",
        (),
        (),
        ("recall", "precision", "address_recall", "touched"),
        (
            "To Presidio: it knows no postal addresses (its places count where they touch one) and has no Chinese model here, "
            "so that its line for Chinese is what becomes of Chinese in an English set-up; the sentences are by studio's authors.",
            "To studio: it searches for addresses as well.",
            "Some hundred short sentences: the speed is a rough one.",
        ),
    ),
    "embed": Comparison(
        "Vectors",
        "The same weights, the same texts, one thread; models loaded and warm. Decided alike: of all pairs, held against ten "
        "thresholds of cosine.",
        "semantic.py",
        ("--records", "300"),
        ("--records", "40"),
        ("agree",),
        (
            "To sentence-transformers: it computes in 32 bits, studio in bfloat16 where the processor has it. It stands in "
            "the project's environment, with the same torch.",
        ),
        arguments=("--only", "speed", "--generated"),
    ),
    "diff": Comparison(
        "What differs between two datasets",
        f"Two files of some 300 bytes a record, matched by a column. {WHOLE}",
        "diff.py",
        ("--records", "1000000"),
        ("--records", "20000"),
        ("removed", "changed", "added"),
        (
            "To studio: it reads strictly, recognises schemas, and leaves an index on disk by which any record is shown word "
            "by word; `dt diff` counts, and shows ten records of each kind.",
            "To dtflow: it holds both files in memory, which is the quick way while they fit.",
        ),
        arguments=("--only", "peers"),
    ),
    "open": Comparison(
        "Opening a file to look at it",
        "In a pseudo-terminal of 120 by 40; CPU and memory ten seconds after the first record was there.",
        "open.py",
        ("--records", "1000000"),
        ("--records", "20000"),
        ("first",),
        ("To studio: in these seconds it also draws distributions of the first records.",),
    ),
    "train": Comparison(
        "Training",
        "The same tensors, seed and settings in turn, from the end of the third step to that of the last; medians over the "
        "rounds.",
        "train_tax.py",
        ("--rounds", "3", "--steps", "60"),
        ("--rounds", "1", "--steps", "15"),
        ("same_weights",),
        (
            "TRL stands in the project's environment, with the same torch and transformers: it is what studio trains with. "
            "What is measured is what studio adds.",
            "A model of 13 million parameters: the smaller the model, the more the studio around it would show.",
        ),
        ours="studio train, nobody looking",
    ),
}
