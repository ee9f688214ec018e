"""Which format a declared document has, told by what is in it; what is not known is said and not guessed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import Any

from provenance.declared.croissant import is_croissant, read_croissant
from provenance.declared.cyclonedx import is_cyclonedx, read_cyclonedx
from provenance.declared.dataset_card import is_card, read_dataset_card
from provenance.declared.document import Declared, unsupported
from provenance.declared.dvc import NAME, read_dvc_lock
from provenance.declared.mlflow import is_mlflow, read_mlflow_run
from provenance.declared.spdx import is_spdx, read_spdx
from provenance.statements.reader import parse_json

Meant = Callable[[Mapping[str, Any]], bool]
Read = Callable[[Mapping[str, Any], str, str], Declared]
_JSON: tuple[tuple[Meant, Read], ...] = (
    (is_cyclonedx, read_cyclonedx), (is_spdx, read_spdx), (is_croissant, read_croissant), (is_mlflow, read_mlflow_run),
)


def read_declared(data: bytes, file: str, beside: Path | None = None) -> Declared:
    """What a document declares, and in which format; `beside` is the folder of the files that a lock file names.

    StatementError `declared-unsupported`, `json-invalid`, `yaml-invalid`, `document-too-large` or `-too-deep`.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    if PurePath(file).name == NAME:
        return read_dvc_lock(data, file, sha256, beside)
    if is_card(data):
        return read_dataset_card(data, file, sha256)
    if not data.lstrip()[:1] == b"{":
        raise unsupported("not a document of a kind that is read", file, "see docs/declared.md for the formats")
    document = parse_json(data, file)
    meant = [read for is_meant, read in _JSON if is_meant(document)]
    if len(meant) != 1:
        # A document that two readers would each take for theirs says two things at once.
        why = "a document of several kinds at once" if meant else "JSON of no kind that is read"
        raise unsupported(why, file, "see docs/declared.md for the formats")
    return meant[0](document, file, sha256)
