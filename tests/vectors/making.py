"""How the signed vectors are made: a bundle by a test key, changed in one place, and the answer that goes with it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import statements
from keys import Key
from reference import MEDIA_TYPE, PAYLOAD_TYPE, b64, compact, pae

AS_OF = "2026-11-23T12:00:00Z"
Json = dict[str, Any]
Change = Callable[[Any], object]


@dataclass(frozen=True)
class Answer:
    """What a verifier says, by which rule, and whose signature it found."""

    status: str
    code: str
    rule: str
    signer: str | None = None


Case = tuple[str, bytes, Answer]
valid = functools.partial(Answer, "VALID", "")
invalid = functools.partial(Answer, "INVALID")
unsupported = functools.partial(Answer, "UNSUPPORTED")


@dataclass(frozen=True)
class Maker:
    """Makes bundles with the test keys."""

    keys: dict[str, Key]

    def envelope(self, payload: bytes, who: str = "lab", payload_type: str = PAYLOAD_TYPE) -> Json:
        """A bundle as a value, signed as it should be."""
        key = self.keys[who]
        signature = {"sig": b64(key.sign(pae(payload_type, payload))), "keyid": key.keyid}
        return {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {"publicKey": {"hint": key.keyid}, "tlogEntries": []},
            "dsseEnvelope": {"payload": b64(payload), "payloadType": payload_type, "signatures": [signature]},
        }

    def bundle(self, value: Json | bytes, who: str = "lab") -> bytes:
        """A good bundle around a statement, or around any bytes."""
        return compact(self.envelope(value if isinstance(value, bytes) else compact(value), who)) + b"\n"

    def changed(self, change: Change, who: str = "lab") -> bytes:
        """A good bundle of a good dataset statement, changed after it was signed."""
        return compact(changed(self.envelope(compact(statements.dataset()), who), change)) + b"\n"


def changed(value: Json, *changes: Change) -> Json:
    """The value itself, after the changes."""
    for change in changes:
        change(value)
    return value


def put(*path: str | int, to: Any) -> Change:
    """A change that sets one member."""
    def change(value: Any) -> None:
        _inside(value, path)[path[-1]] = to
    return change


def drop(*path: str | int) -> Change:
    """A change that removes one member."""
    def change(value: Any) -> None:
        del _inside(value, path)[path[-1]]
    return change


def _inside(value: Any, path: tuple[str | int, ...]) -> Any:
    for key in path[:-1]:
        value = value[key]
    return value


def naming(keyid: str) -> Change:
    """A change of what the bundle says of its key, in both places."""
    def change(bundle: Json) -> None:
        bundle["verificationMaterial"]["publicKey"]["hint"] = keyid
        bundle["dsseEnvelope"]["signatures"][0]["keyid"] = keyid
    return change


def about(text: str, **more: Any) -> Json:
    """A good dataset statement that says what it is for."""
    value = statements.dataset() | more
    value["predicate"] = value["predicate"] | {"description": text}
    return value
