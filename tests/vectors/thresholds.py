"""Bundles that are shown together: whether those whom a threshold demands signed one and the same statement."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import statements
from making import Maker, about
from reference import compact, pretty

ROLE, PRINCIPALS = "assessor", 2
DEMAND = f"thresholds:\n  - {{role: {ROLE}, predicateTypes: [\"*\"], principals: {PRINCIPALS}}}\n"
_UNMET = ("UNSUPPORTED", "threshold-not-met")
_MET = ("VALID", "")


def files(maker: Maker) -> Iterator[tuple[str, bytes]]:
    """Every file below `together/`: the bundles of a case, and what is said of each when all of them are shown."""
    good = statements.dataset()
    first, second = maker.bundle(good, "first"), maker.bundle(good, "second")
    spaced = maker.bundle(compact(good).replace(b'"subject":', b'"subject": '), "second")
    for name, rule, bundles in (
        ("both", "two principals signed one statement", ((first, _MET), (second, _MET))),
        ("one", "one principal is not two", ((first, _UNMET),)),
        ("one-twice", "one bundle in two spellings is one principal", ((first, _UNMET), (first + b" ", _UNMET))),
        ("spare-key", "two keys of one principal are one principal",
         ((first, _UNMET), (maker.bundle(good, "spare"), _UNMET))),
        ("another-statement", "two statements that mean the same are two", ((first, _UNMET), (spaced, _UNMET))),
        ("another-role", "a principal without the role does not count, and needs no second",
         ((first, _UNMET), (maker.bundle(good, "lab"), _MET))),
        ("revoked", "a revoked key does not count",
         ((first, _UNMET), (maker.bundle(good, "former"), ("INVALID", "signer-revoked")))),
        ("another-subject", "each statement needs its own two",
         ((first, _UNMET), (maker.bundle(about("another"), "second"), _UNMET))),
    ):
        rows = []
        for number, (data, (status, code)) in enumerate(bundles, 1):
            file = f"{name}.{number}.sigstore.json"
            yield file, data
            rows.append({"file": file, "status": status, "code": code, "sha256": hashlib.sha256(data).hexdigest()})
        yield f"{name}.expected.json", pretty({"rule": rule, "bundles": rows})
