"""Models in forms other than a folder: a GGUF file, a cache of the Hub, a server that stands in for the Hub."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def write_gguf(folder: Path, path: Path, *, quantised: bool = False, template: str = "") -> Path:
    """The Llama in `folder` as GGUF: float32, or Q8_0, with a chat template. q and k are permuted as llama.cpp wants them."""
    import gguf
    from safetensors.numpy import load_file

    config = json.loads((folder / "config.json").read_text())
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_vocab_size(config["vocab_size"])
    _add_tokenizer(writer, tokenizer)
    if template:
        writer.add_chat_template(template)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    for name, tensor in load_file(folder / "model.safetensors").items():
        for part, heads in (("q_proj", "num_attention_heads"), ("k_proj", "num_key_value_heads")):
            if f"{part}.weight" in name:
                shape = (config[heads], 2, tensor.shape[0] // config[heads] // 2, *tensor.shape[1:])
                tensor = tensor.reshape(shape).swapaxes(1, 2).reshape(tensor.shape)
        kind = gguf.GGMLQuantizationType.Q8_0 if quantised and tensor.ndim == 2 else gguf.GGMLQuantizationType.F32
        data = gguf.quantize(tensor, kind)
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight",)), data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_tokenizer(writer: Any, tokenizer: dict[str, Any]) -> None:
    ids = {number: token for token, number in tokenizer["model"]["vocab"].items()}
    special = {entry["id"]: entry["content"] for entry in tokenizer["added_tokens"]}
    tokens = [special.get(number, ids.get(number, "")) for number in range(max([*ids, *special]) + 1)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if number in special else 1 for number in range(len(tokens))])
    writer.add_token_merges([" ".join(merge) for merge in tokenizer["model"]["merges"]])
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_pad_token_id(tokens.index("<|endoftext|>"))


def put_in_cache(cache: Path, name: str, folder: Path, commit: str = COMMIT) -> Path:
    """A model of the Hub as its library leaves it in the cache; returns the snapshot's folder."""
    place = cache / f"models--{name.replace('/', '--')}"
    snapshot = place / "snapshots" / commit
    shutil.copytree(folder, snapshot)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(commit)
    return snapshot


class _Hub(BaseHTTPRequestHandler):
    """As much of the Hub as a download asks for. `own/open` is there, `own/gated` is gated, the rest is not."""

    folder: Path

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        path = self.path.partition("?")[0]
        if "own/gated" in path:
            return self._send(403, b"{}", {"X-Error-Code": "GatedRepo", "X-Error-Message": "gated"})
        if "own/open" not in path:
            return self._send(404, b"{}", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
        if "/revision/" in path and not path.endswith(("/main", COMMIT)):
            return self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "no revision"})
        if path.startswith("/api/models/"):
            return self._send(200, self._listing(path) if body else b"")
        file = self.folder / path.rpartition("/")[2]
        if not file.is_file():
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
        data = file.read_bytes()
        more = {"X-Repo-Commit": COMMIT, "ETag": f'"{len(data)}-{file.name}"'}
        return self._send(200, data if body else b"", more | {"Content-Length": str(len(data))})

    def _listing(self, path: str) -> bytes:
        files = sorted(file for file in self.folder.iterdir() if file.is_file())
        if "/tree/" in path:
            entries = [{"type": "file", "path": f.name, "size": f.stat().st_size, "oid": "0" * 40} for f in files]
            return json.dumps(entries).encode()
        found = {"id": "own/open", "sha": COMMIT, "siblings": [{"rfilename": file.name} for file in files]}
        return json.dumps(found).encode()

    def _send(self, status: int, data: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in ({"Content-Length": str(len(data))} | (more or {})).items():
            self.send_header(key, value)
        self.end_headers()
        if data:
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Silence."""


@contextmanager
def hub(folder: Path) -> Iterator[str]:
    """Serve `folder` as the model own/open on this machine; yields the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Hub", (_Hub,), {"folder": folder}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
