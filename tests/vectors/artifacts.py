"""The things that the signed vectors speak of: a tiny model, a text, a script; and how statements describe them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference import dir_hash, h, in_order, oms_root, pretty, root, safetensors
from weights import BASE

MODEL = {
    "README.md": b"---\nlicense: apache-2.0\n---\nA model of eight numbers.\n",
    "config.json": b'{"architectures": ["Tiny"]}\n',
    "model.safetensors": safetensors(BASE),
}
TALES = b'{"text": "Once upon a time."}\n{"text": "The end."}\n'
SCRIPT = b"print('training')\n"
LOCK = b"numpy==2.4.6\n"
FILES = {f"tiny/{name}": data for name, data in MODEL.items()} | {
    "tales.jsonl": TALES, "train.py": SCRIPT, "requirements.lock": LOCK,
}


def file(name: str, data: bytes, **annotations: Any) -> dict[str, Any]:
    """A resource descriptor of a file."""
    return {"name": name, "digest": {"sha256": h(data).hex()}, "annotations": {**annotations, "size": len(data)}}


def folder(name: str, files: Mapping[str, bytes], **annotations: Any) -> list[dict[str, Any]]:
    """The descriptors of a model folder: itself, its files, its tensors."""
    digest = {"dirHash": dir_hash(files), "sha256": oms_root(files)}
    size = sum(map(len, files.values()))
    rows = [{"name": t.name, "dtype": t.dtype, "shape": list(t.shape), "head": t.data_head().hex()}
            for t in in_order(BASE)]
    return [
        {"name": name, "digest": digest, "annotations": {**annotations, "size": size}},
        *(file(f"{name}/{path}", files[path]) for path in sorted(files)),
        {"name": f"{name}#tensors", "digest": {"tensorTree": root(BASE).hex()}, "annotations": {"tensors": rows}},
    ]


def identity() -> bytes:
    """What the tiny model is, for whoever wants to compare."""
    return pretty({
        "dirHash": dir_hash(MODEL), "sha256": oms_root(MODEL), "tensorTree": root(BASE).hex(),
        "files": {name: h(data).hex() for name, data in sorted(MODEL.items())},
    })
