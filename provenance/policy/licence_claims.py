"""Whether those who say under which licence a model stands agree: its releases, its card, and the text beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from provenance.artifacts.manifest import Manifest
from provenance.artifacts.names import brief
from provenance.bundles.verifier import VerifiedStatement
from provenance.errors import Finding
from provenance.policy import licences
from provenance.statements.release import Release

_TEXT = re.compile(r"(?i)(licen[cs]e|copying)([-_.][^/]*)?")
_WEIGHTS = "model-parameters-final"


def is_licence_text(path: str) -> bool:
    """Whether a file at the top of a model is, by its name, the text of its licence."""
    return _TEXT.fullmatch(path) is not None


def disagreements(model: Manifest, releases: Iterable[VerifiedStatement], card: str | None) -> Iterator[Finding]:
    """A card, or a whole text, that is not the licence that the releases state for the weights; `card`: what it means.

    A text is told apart only where it is, or should be, one of those that `match_text` knows word for word.
    """
    rows = (row for s in releases if isinstance(s.claim, Release) for row in s.claim.having(_WEIGHTS))
    stated = sorted({read for row in rows if (read := licences.normalise(row.license).expression)})
    if card and stated and card not in stated:
        yield _finding("README.md", f"the card says {brief(card)}, the release {brief(stated[0])}")
    for path in sorted(filter(is_licence_text, model.contents)):
        text = licences.match_text(model.contents[path].decode("utf-8", "replace"))
        for said in stated or ([card] if card else []):
            if said != text and (text or licences.is_known_text(said)) and not _is_part(text, said):
                yield _finding(path, f"the weights are said to be under {brief(said)}, and this is "
                               + (f"the text of {text}" if text else "not its text, or not only"))


def _is_part(text: str | None, expression: str) -> bool:
    """Of several licences that apply together, or of which one is chosen, one text may lie beside the model."""
    return text is not None and text in re.findall(r"[A-Za-z0-9.+-]+", expression)


def _finding(path: str, told: str) -> Finding:
    return Finding("licence-claims-differ", "warning", told, path, "ask the producer which of them holds")
