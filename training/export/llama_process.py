"""llama.cpp through llama_cpp, in a process of its own: `python llama_process.py MODE …`. Imports nothing of ours.

quantize SOURCE TARGET FTYPE THREADS   writes TARGET; ends with llama.cpp's return code
serve MODEL CONTEXT THREADS            answers lines of JSON on stdin: {"text": …} with its tokens as a line of JSON;
                                       {"tokens": […], "from": N} with two little-endian uint32 (rows, vocabulary) and the
                                       rows' float32 logits behind tokens N … on stdout
"""

import ctypes
import json
import os
import struct
import sys


def main(words: list[str]) -> int:
    """Do what the words say. What llama.cpp writes goes to stderr, whatever it is."""
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    import llama_cpp  # type: ignore[import-not-found, unused-ignore]

    if words[0] == "quantize":
        parameters = llama_cpp.llama_model_quantize_default_params()
        parameters.ftype, parameters.nthread = int(words[3]), int(words[4])
        return int(llama_cpp.llama_model_quantize(words[1].encode(), words[2].encode(), ctypes.byref(parameters)))
    # The binding compiles the file's chat template with a Jinja of its own, stricter than llama.cpp's, and gives up where
    # it cannot. Tokens are all that is asked of it here.
    llama_cpp.llama_chat_format.Jinja2ChatFormatter = _NoTemplate
    threads = int(words[3])
    model = llama_cpp.Llama(
        words[1],
        n_ctx=int(words[2]),
        n_batch=int(words[2]),
        n_threads=threads,
        n_threads_batch=threads,
        logits_all=True,
        verbose=False,
    )
    for line in sys.stdin:
        asked = json.loads(line)
        if "text" in asked:
            tokens = model.tokenize(asked["text"].encode(), add_bos=True, special=True)
            _write(out, json.dumps(tokens).encode() + b"\n")
            continue
        model.reset()
        model.eval(asked["tokens"])
        rows = model.scores[asked["from"] : len(asked["tokens"])]
        _write(out, struct.pack("<II", *rows.shape) + rows.astype("<f4").tobytes())
    return 0


class _NoTemplate:
    """Stands where a chat template would be compiled."""

    def __init__(self, **_: object) -> None:
        pass

    def to_chat_handler(self) -> None:
        """There is none."""


def _write(out: object, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[out.write(view) :]  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
