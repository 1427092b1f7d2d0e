"""GGUF files, and the two forms in which programs take them: Ollama's Modelfile and LM Studio's folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.weights.folder import weight_files, weights_digest
from training.export.card import model_card
from training.export.check import Check, check_gguf
from training.export.gguf_file import GgufFacts, convert, quantize, read_gguf
from training.export.ollama import modelfile, ollama_template
from training.export.place import is_whole, made_whole, put
from training.export.tools import find_converter, llama_environment
from training.export.weights import load_answers

if TYPE_CHECKING:
    from training.export.settings import Quant
    from training.export.work import Work


def gguf_name(name: str, quant: str) -> str:
    """`support-1a2b-Q8_0.gguf`, as llama.cpp names them."""
    return f"{name}-{quant.upper()}.gguf"


def export_gguf(work: Work, whole: Path, *, asked: bool) -> Path:
    """Every file that is asked for, made, read and held against the whole weights. Returns their folder."""
    final = work.out / "gguf" if asked else work.folder / "work" / "gguf"
    quants = list(dict.fromkeys(work.settings.quants))
    facts = {
        "target": "gguf",
        "weights": weights_digest(weight_files(whole)),
        "template": work.template.chat_template(),
        "files": {gguf_name(work.name, quant): quant for quant in quants},
        "converter": find_converter(work.settings.llama_cpp).origin.partition(" in ")[0],
    }
    reused = is_whole(final, facts)
    if not reused:
        with made_whole(final, facts) as staged:
            _make(work, whole, staged, quants)
            (staged / "README.md").write_text(model_card(work.source, "gguf", work.template), encoding="utf-8")
    found = {quant: read_gguf(final / gguf_name(work.name, quant), quant) for quant in quants}
    if asked:
        told = {gguf_name(work.name, quant): one.as_json() for quant, one in found.items()}
        work.done("gguf", final, reused=reused, files=told)
    _check_templates(work, found)
    for quant in quants:
        _check(work, whole, final / gguf_name(work.name, quant), quant, found[quant])
    return final


def _make(work: Work, whole: Path, staged: Path, quants: list[Quant]) -> None:
    """16 bits first, the others from these."""
    floats = staged / gguf_name(work.name, "f16")
    say = work.progress("converting to GGUF", "files")
    convert(whole, floats, work.settings.llama_cpp, work.log, work.should_stop)
    say(1)
    fewer = [quant for quant in quants if quant != "f16"]
    for number, quant in enumerate(fewer):
        say = work.progress(f"quantising to {quant}", "files", len(fewer))
        target = staged / gguf_name(work.name, quant)
        quantize(floats, target, quant, work.settings.llama_cpp, work.log, work.should_stop)
        say(number + 1)
    if "f16" not in quants:
        floats.unlink()


def _check(work: Work, whole: Path, path: Path, quant: Quant, facts: GgufFacts) -> None:
    environment = llama_environment()
    if environment is not None:
        load_answers(work, whole)
    tell = work.progress(f"asking llama.cpp with {quant}", "prompts", len(work.prompts))
    work.checked(
        check_gguf(
            path, quant, facts, work.model, work.prompts, work.answers, environment, work.log, tell, work.should_stop
        )
    )


def _check_templates(work: Work, found: dict[Quant, GgufFacts]) -> None:
    wanted = work.template.chat_template()
    other = [quant for quant, facts in found.items() if facts.chat_template != wanted]
    said = (
        f"{', '.join(other)}: the template in the file is not the one that was trained"
        if other
        else "as it was trained"
    )
    work.checked(Check("template in gguf", not other, said))


def export_ollama(work: Work, ggufs: Path) -> None:
    """A Modelfile for each GGUF file (`Modelfile` is the first one's), with the files beside them."""
    final = work.out / "ollama"
    quants = list(dict.fromkeys(work.settings.quants))
    first = read_gguf(ggufs / gguf_name(work.name, quants[0]), quants[0])
    written = ollama_template(work.template, adds_bos=first.adds_bos)
    texts = {
        "Modelfile" if number == 0 else f"Modelfile-{quant}": modelfile(
            gguf_name(work.name, quant), written.source, work.template.stops, _about(work, quant)
        )
        for number, quant in enumerate(quants)
    }
    facts = {"target": "ollama", "texts": texts, "weights": _sizes(ggufs)}
    reused = is_whole(final, facts)
    if not reused:
        with made_whole(final, facts) as staged:
            for quant in quants:
                put(ggufs / gguf_name(work.name, quant), staged / gguf_name(work.name, quant))
            for name, text in texts.items():
                (staged / name).write_text(text, encoding="utf-8")
    work.done("ollama", final, reused=reused, command=f"ollama create {work.name.lower()} -f {final / 'Modelfile'}")
    said = f"Ollama's template writes {written.conversations} of {written.conversations} conversations as they were trained"
    if not written.keeps_white_space:
        said += "; white space around a message, which training strips, it keeps"
    figures = {"conversations": written.conversations, "keeps_white_space": written.keeps_white_space}
    work.checked(Check("ollama", True, said, figures))


def export_lmstudio(work: Work, ggufs: Path) -> None:
    """`PUBLISHER/NAME-GGUF/FILE.gguf`, to be put into the folder of models of LM Studio."""
    final = work.out / "lmstudio"
    place = f"{work.settings.publisher}/{work.name}-GGUF"
    facts = {"target": "lmstudio", "place": place, "weights": _sizes(ggufs)}
    reused = is_whole(final, facts)
    if not reused:
        with made_whole(final, facts) as staged:
            for quant in dict.fromkeys(work.settings.quants):
                name = gguf_name(work.name, quant)
                put(ggufs / name, staged / place / name)
    work.done("lmstudio", final, reused=reused, place=place)


def _sizes(ggufs: Path) -> dict[str, Any]:
    """What the files were made from, by their manifest."""
    from training.manifest import Manifest, read_manifest

    manifest = read_manifest(ggufs)
    names = sorted(path.name for path in ggufs.glob("*.gguf"))
    return {name: manifest.files[name][1] for name in names} if isinstance(manifest, Manifest) else {}


def _about(work: Work, quant: str) -> str:
    return f"{work.name}, {quant}. Chat template: {work.template.name}, as it was trained."
