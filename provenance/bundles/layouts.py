"""in-toto layouts held against links, by in-toto's own library: which links their owners vouch for.

A layout says which key may do which step, how many of them must, and what each step may take and make. What is asked
here is asked of `in_toto.verifylib`: signatures and thresholds of the links, agreement between those of one step, and
the artifact rules of every step. What is not asked, because it would hand this process to whoever wrote the layout:

- inspections, which are commands that a verifier runs (their number is told; our lineage joins the final product by
  its digests instead);
- sublayouts and links by file name, which are read from the disk; the links are those that were given as evidence;
- GnuPG, which is another program; a layout with such a key is not held against anything;
- settings from the environment or from files.

Stricter than in-toto: the time is the verdict's and not the clock's; one key under two names, which would fill a
threshold of two by itself, is refused; and keys that the trust file revokes are nobody's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from provenance.artifacts.names import brief
from provenance.bundles.envelope import sha256
from provenance.bundles.keys import NamedKey, every_name, public_key, verifying_key
from provenance.bundles.signed import read_signed
from provenance.bundles.store import EvidenceFile
from provenance.bundles.trust import Trust, parse_time
from provenance.bundles.verifier import Examined
from provenance.errors import ProvenanceError
from provenance.statements.reader import parse_json

_NOT_MET = "layout-not-met"
_MAX_WORK = 10_000_000  # some seconds, and what in-toto keeps of it fits into memory
_KINDS = frozenset({"rsa", "ed25519", "ecdsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384"})


@dataclass(frozen=True)
class Held:
    """What came of a layout: the sha256 of every link that its owner vouches for, or why there is none."""

    code: str
    reason: str
    links: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Link:
    """A link as in-toto's library has it, and the evidence that it lies in."""

    digest: str
    name: str
    signed: Any


class Layouts:
    """The links that were given as evidence, for layouts that trusted owners signed."""

    def __init__(self, trust: Trust, as_of: datetime, files: Sequence[EvidenceFile]) -> None:
        self._trust, self._as_of = trust, as_of
        self._files = {file.sha256: file for file in files if file.data is not None}

    def hold(self, examined: Examined) -> Held:
        """One layout, whose own signature the Verifier found to be by someone trusted."""
        from in_toto import verifylib
        from securesystemslib.exceptions import Error

        try:
            layout = self._layout(self._files[examined.sha256])
            problem = self._problem(layout)
            if problem or self._work(layout) > _MAX_WORK:
                return Held(_NOT_MET, problem or "it has too many rules for links of so many files")
            counted = verifylib.verify_link_signature_thresholds(layout, self._by_step(layout))
            chain = {step: {key: link.get_payload() for key, link in links.items()} for step, links in counted.items()}
            verifylib.verify_threshold_constraints(layout, chain)
            verifylib.verify_all_item_rules(layout.steps, verifylib.reduce_chain_links(chain))
        except (Error, ProvenanceError, ValueError, LookupError, TypeError, AttributeError) as err:
            return Held(_NOT_MET, f"its links do not meet it: {brief(str(err).partition(chr(10))[0])}")
        used = {id(link) for links in counted.values() for link in links.values()}
        told = f"met by the links of {len(layout.steps)} steps; its {len(layout.inspect)} inspections were not run"
        return Held("", told, tuple(link.digest for link in self._links if id(link.signed) in used))

    def _layout(self, file: EvidenceFile) -> Any:
        from in_toto.models.layout import Layout

        layout: Any = Layout.read(parse_json(read_signed(file.data or b"", file.name).payload, file.name))
        return layout

    def _problem(self, layout: Any) -> str:
        """Why the layout is not held against links at all; its revoked keys are taken out of it."""
        if parse_time(layout.expires, "the layout") <= self._as_of:
            return f"it expired at {brief(layout.expires)}"
        known = dict[str, str]()
        for name, key in list(layout.keys.items()):
            if key.get("keytype") not in _KINDS or "subkeys" in key:
                return "a key in it is GnuPG's, or of another kind that is not checked here"
            named = _named(key)
            fingerprint = named.keyid
            if key.get("keyid") != name or known.setdefault(fingerprint, name) != name:
                return "one key stands in it under two names"
            if self._trust.revoked_keys and not self._trust.revoked_keys.isdisjoint(every_name(named)):
                del layout.keys[name]
        return ""

    def _work(self, layout: Any) -> int:
        """How often a rule is held against a file: each rule of a step goes over all that its links list."""
        files = max((len(part) for link in self._links for part in _artifacts(link.signed)), default=0)
        return files * sum(len(step.expected_materials) + len(step.expected_products) for step in layout.steps)

    def _by_step(self, layout: Any) -> dict[str, dict[str, Any]]:
        """For each step, the link of each key that may do it; ValueError where one key says two different things."""
        return {step.name: dict(self._of_step(step, layout.keys)) for step in layout.steps}

    def _of_step(self, step: Any, keys: Mapping[str, Any]) -> dict[str, Any]:
        found = dict[str, Any]()
        for link in self._links:
            if link.name != step.name:
                continue
            for keyid in step.pubkeys:
                if keyid not in keys or not _is_by(link.signed, keys[keyid]):
                    continue
                first = found.setdefault(keyid, link.signed).get_payload()
                if (first.materials, first.products) != _artifacts(link.signed):
                    raise ValueError(f"one key signed two different links of step {brief(step.name)}")
        return found

    @cached_property
    def _links(self) -> tuple[_Link, ...]:
        """Every piece of evidence that in-toto's library takes for a link; the Verifier read each strictly before."""
        return tuple(link for file in self._files.values() if (link := _link(file)) is not None)


def _link(file: EvidenceFile) -> _Link | None:
    from in_toto.models.metadata import Metadata
    from securesystemslib.exceptions import Error

    data = file.data or b""
    try:
        signed: Any = Metadata.from_dict(parse_json(data, file.name))
        payload = signed.get_payload()
    except (Error, ProvenanceError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return _Link(sha256(data), payload.name, signed) if payload.type_ == "link" else None


def _is_by(signed: Any, key: Any) -> bool:
    """Whether the key made the signature that is said to be its own; a broken link must not spoil those beside it."""
    from securesystemslib.exceptions import Error

    try:
        signed.verify_signature(key)
    except (Error, ValueError, LookupError, TypeError, AttributeError):
        return False
    return True


def _artifacts(signed: Any) -> tuple[Any, Any]:
    payload = signed.get_payload()
    return payload.materials, payload.products


def _named(key: Mapping[str, Any]) -> NamedKey:
    """The key under the name that a trust file gives it; a ProvenanceError or ValueError for what is none."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    loaded = verifying_key(NamedKey("", key["keytype"], key["scheme"], key["keyval"]["public"]))
    return public_key(loaded.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "a key of the layout")
