"""What an attacker may do to evidence and to a model, without any key that somebody believes."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice, pairwise
from pathlib import Path
from typing import Any

from provenance.artifacts.manifest import WEIGHT_SUFFIXES
from provenance.bundles.envelope import MAX_BUNDLE, sign
from provenance.bundles.signers.key import load_signer
from provenance.errors import ProvenanceError
from provenance.statements.dataset import DATASET
from provenance.statements.reader import parse_json, to_json
from provenance.statements.release import RELEASE
from provenance.workflows.trust_file import keygen

Files = Mapping[str, bytes]
_PAIRED = 20  # bundles of which every two are taken away together


@dataclass(frozen=True)
class Mutation:
    """One thing that is done: its kind, to what, and the evidence after it.

    `forged` names the bundles that nobody believed has signed; `years` moves the time; `spoil` changes the model.
    """

    kind: str
    target: str
    what: str
    files: Files
    forged: tuple[str, ...] = ()
    years: int = 0
    spoil: Callable[[Path], None] | None = None

    @property
    def is_removal(self) -> bool:
        """Whether it only takes evidence away."""
        return self.kind == "drop"


def on_evidence(files: Files, scratch: Path) -> Iterator[Mutation]:
    """Everything that is done to evidence, the simplest first, so that a limit leaves out what is far-fetched."""
    for name in files:
        yield Mutation("drop", name, "taken away", _without(files, name))
    for name in files:
        yield from _of_bundle(name, files)
    yield from _signed_again(files, scratch)
    for one, other in pairwise(files):
        yield Mutation("rename", f"{one}, {other}", "names exchanged", {**files, one: files[other], other: files[one]})
        if swapped := _with_signature_of(files[one], files[other]):
            yield Mutation("swap-signer", one, f"with the signature of {other}", {**files, one: swapped}, (one,))
    for years in (1, 10, -1):
        told = f"judged {abs(years)} years {'later' if years > 0 else 'earlier'}"
        yield Mutation("age", "the time", told, files, years=years)
    yield Mutation("drop", "all evidence", "taken away", {})
    for pair in combinations(islice(files, _PAIRED), 2):
        yield Mutation("drop", ", ".join(pair), "taken away", _without(files, *pair))


def on_model(files: Files, model: Path) -> Iterator[Mutation]:
    """Everything that is done to a copy of the model, while the evidence stays: evidence replayed for another model."""
    paths = [Path(model.name)] if model.is_file() else sorted(
        path.relative_to(model) for path in model.rglob("*") if path.is_file() and not path.is_symlink())
    weights = [path for path in paths if path.name.lower().endswith(WEIGHT_SUFFIXES)][:2]
    for path in weights:
        yield Mutation("replay", str(path), "one bit of the weights changed", files, spoil=_at(path, _flip))
        yield Mutation("truncate", str(path), "cut in half", files, spoil=_at(path, _halve))
    if model.is_file():
        return
    others = [path for path in paths if path not in weights][:3]
    for path in others:
        yield Mutation("strip", str(path), "file taken out of the model", files, spoil=_at(path, Path.unlink))
        yield Mutation("relabel", str(path), "text added to the file", files, spoil=_at(path, _append))
    for path in paths[:1]:
        yield Mutation("rename", str(path), "file renamed in the model", files, spoil=_at(path, _rename))
    yield Mutation("replay", "added.py", "code put beside the weights", files, spoil=_add)


def _of_bundle(name: str, files: Files) -> Iterator[Mutation]:
    data = files[name]

    def changed(kind: str, what: str, after: bytes) -> Mutation:
        return Mutation(kind, name, what, {**files, name: after}, (name,))

    yield Mutation("replay", name, "shown twice", {**files, f"again-{name}": data})
    yield changed("truncate", "cut in half", data[: len(data) // 2])
    bundle = _bundle(data)
    if bundle is None:
        return
    for what, change in _CHANGES.items():
        after = copy.deepcopy(bundle)
        change(after)
        yield changed("strip", what, to_json(after))
    for what, kind, relabel in _LABELS:
        statement = _statement(bundle)
        if statement is not None and relabel(statement) and statement != _statement(bundle):
            yield changed(kind, what, to_json(_with_statement(bundle, statement)))


def _bundle(data: bytes) -> dict[str, Any] | None:
    try:
        found = parse_json(data, "", limit=MAX_BUNDLE)
    except ProvenanceError:
        return None
    envelope = found.get("dsseEnvelope") if isinstance(found, dict) else None
    return found if isinstance(envelope, dict) and isinstance(envelope.get("payload"), str) else None


def _statement(bundle: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        found = parse_json(base64.b64decode(bundle["dsseEnvelope"]["payload"]), "")
    except (ProvenanceError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _with_statement(bundle: Mapping[str, Any], statement: Mapping[str, Any]) -> dict[str, Any]:
    payload = base64.b64encode(to_json(statement)).decode("ascii")
    return {**bundle, "dsseEnvelope": {**bundle["dsseEnvelope"], "payload": payload}}


def _with_signature_of(data: bytes, other: bytes) -> bytes | None:
    one, two = _bundle(data), _bundle(other)
    if one is None or two is None:
        return None
    envelope = {**one["dsseEnvelope"], "signatures": two["dsseEnvelope"].get("signatures")}
    return to_json({**one, "verificationMaterial": two.get("verificationMaterial"), "dsseEnvelope": envelope})


def _signed_again(files: Files, scratch: Path) -> Iterator[Mutation]:
    """Each statement as it is, signed with a key that was made a moment ago."""
    signer = load_signer(keygen(scratch / "stranger.key", "ed25519", None).private, lambda: None)
    for name, data in files.items():
        bundle = _bundle(data)
        statement = _statement(bundle) if bundle else None
        if bundle is None or statement is None:
            continue
        again = sign(base64.b64decode(bundle["dsseEnvelope"]["payload"]), signer)
        yield Mutation("swap-signer", name, "signed by a stranger", {**files, name: again}, (name,))


def _no_signature(bundle: dict[str, Any]) -> None:
    bundle["dsseEnvelope"]["signatures"] = []


def _empty_signature(bundle: dict[str, Any]) -> None:
    _replace(bundle["dsseEnvelope"], ("sig",), "")


def _no_material(bundle: dict[str, Any]) -> None:
    bundle.pop("verificationMaterial", None)


def _other_type(bundle: dict[str, Any]) -> None:
    bundle["dsseEnvelope"]["payloadType"] = "application/json"


_CHANGES: dict[str, Callable[[dict[str, Any]], None]] = {
    "signature taken out": _no_signature, "signature emptied": _empty_signature,
    "verification material taken out": _no_material, "payload type changed": _other_type,
}


def _rename_subjects(statement: dict[str, Any]) -> bool:
    return _replace(statement.get("subject"), ("name",), "another")


def _open_licences(statement: dict[str, Any]) -> bool:
    return _replace(statement, ("license", "licence"), "Apache-2.0")


def _new_dates(statement: dict[str, Any]) -> bool:
    return _replace(statement, ("createdOn", "startedOn", "finishedOn"), "2099-01-01T00:00:00Z")


def _other_predicate(statement: dict[str, Any]) -> bool:
    statement["predicateType"] = DATASET if statement.get("predicateType") == RELEASE else RELEASE
    return True


def _no_predicate(statement: dict[str, Any]) -> bool:
    statement["predicate"] = {}
    return True


_LABELS: tuple[tuple[str, str, Callable[[dict[str, Any]], bool]], ...] = (
    ("licences changed to Apache-2.0", "relabel", _open_licences), ("subjects renamed", "rename", _rename_subjects),
    ("predicate type changed", "relabel", _other_predicate), ("dates moved", "age", _new_dates),
    ("predicate emptied", "strip", _no_predicate),
)


def _replace(value: Any, names: Sequence[str], text: str) -> bool:
    """Whether a member of one of these names was there to be changed, at any depth."""
    found, waiting = False, [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            for name in item.keys() & set(names):
                item[name], found = text, True
        waiting += item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
    return found


def _without(files: Files, *names: str) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if name not in names}


def _at(path: Path, change: Callable[[Path], object]) -> Callable[[Path], None]:
    def spoil(model: Path) -> None:
        change(model if model.is_file() else model / path)

    return spoil


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    if data:
        data[-1] ^= 1
    path.write_bytes(data)


def _halve(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def _rename(path: Path) -> None:
    path.rename(path.with_name(f"renamed-{path.name}"))


def _add(model: Path) -> None:
    (model / "added.py").write_text("import os\n", encoding="utf-8")
