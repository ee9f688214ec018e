"""What a bundle says, whoever wrote it, as plain text: who and when first, then the statement as an outline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from provenance.errors import said
from provenance.reports.escape import guard_lines, printable, printable_tree

Document = Mapping[str, Any]

_MOST = 20
_IN_TOTO = "application/vnd.in-toto+json"


def render_inspection(inspection: Document) -> str:
    """An inspection as text; as JSON it is `schemas/inspection.schema.json`."""
    lines = ["NOT VERIFIED: this is what the file says, whoever wrote it."]
    told = printable_tree(inspection)
    if told["kind"] == "Inspections":
        lines.append(f"file       {told['file']}  sha256:{told['sha256']}, {len(told['bundles']):,} bundles")
        parts = told["bundles"][:_MOST]
    else:
        parts = [told]
    for part in parts:
        lines += ["", *_bundle(part)] if len(parts) > 1 else _bundle(part)
    if len(parts) < len(told.get("bundles", ())):
        lines += ["", f"and {len(told['bundles']) - len(parts):,} more: --format json has them all"]
    return guard_lines("\n".join(line.rstrip() for line in lines) + "\n")


def _bundle(part: Document) -> Iterator[str]:
    if part["kind"] == "Error":
        yield f"broken     {part['location']}: {part['message']} [{part['code']}]"
        return
    yield f"bundle     {part['file']}  sha256:{part['sha256']}"
    if part["payloadType"] not in ("", _IN_TOTO):
        yield f"payload    {part['payloadType']}"
    if part["keyHint"]:
        yield f"key        {part['keyHint']}"
    for signer in part["signers"]:
        yield f"signer     {_signer(signer)}"
    for entry in part["logEntries"]:
        yield f"log        {entry['kind']}, entry {entry['index']} of log {entry['log'][:12]}{_of(entry['time'])}"
    for stamp in part["timestamps"]:
        yield f"timestamp  {stamp['authority'] or 'cannot be read'}{_of(stamp['time'])}"
    if not (part["logEntries"] or part["timestamps"]):
        yield "time       nothing but the signer says when it was signed"
    if part["signedDigest"]:
        yield f"signs      a file of {part['signedDigest']}"
    if part["statement"] is not None:
        yield from _statement(part["statement"])


def _signer(signer: Document) -> str:
    if signer["problem"]:
        return f"its certificate cannot be read: {signer['problem']}"
    name = ", ".join(signer["names"]) or signer["subject"]
    vouched = f" by {signer['identityIssuer']}" if signer["identityIssuer"] else ""
    return f"{name}{vouched}, certified by {signer['issuer']} from {signer['from']} until {signer['until']}"


def _of(time: str | None) -> str:
    return f", {time}" if time else ""


def _statement(statement: Any) -> Iterator[str]:
    if not isinstance(statement, Mapping):
        yield f"says       {said(statement)}"
        return
    rest = dict(statement)
    if isinstance(rest.get("predicateType"), str):
        yield f"says       {rest.pop('predicateType')}"
        rest.pop("_type", None)
    subjects = rest.get("subject")
    if isinstance(subjects, list) and all(map(_is_subject, subjects)):
        for subject in rest.pop("subject")[:_MOST]:
            digests = ", ".join(f"{name}:{value}" for name, value in subject.get("digest", {}).items())
            yield f"about      {'  '.join(filter(None, (said(subject.get('name', '')), digests)))}"
        if len(subjects) > _MOST:
            yield f"           and {len(subjects) - _MOST:,} more: --format json has them all"
    yield ""
    yield from _outline(rest["predicate"] if rest.keys() == {"predicate"} else rest, "  ")


def _is_subject(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("digest", {}), Mapping)


def _outline(value: Any, indent: str) -> Iterator[str]:
    """Members on lines of their own, what they hold two columns further in; lists of plain values on one line."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            if _is_plain(inner):
                yield f"{indent}{name}: {_plain(inner)}"
            else:
                yield f"{indent}{name}:"
                yield from _outline(inner, f"{indent}  ")
    elif isinstance(value, list) and not _is_plain(value):
        for inner in value[:_MOST]:
            lines = list(_outline(inner, f"{indent}  "))
            yield f"{indent}- {lines[0].lstrip()}"
            yield from lines[1:]
        if len(value) > _MOST:
            yield f"{indent}and {len(value) - _MOST:,} more: --format json has them all"
    else:
        yield f"{indent}{_plain(value)}"


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return not any(isinstance(inner, Mapping | list) for inner in value)
    return not (isinstance(value, Mapping) and value)


def _plain(value: Any) -> str:
    if isinstance(value, list) and len(value) > _MOST:
        return f"{said(value[:_MOST])}, and {len(value) - _MOST:,} more: --format json has them all"
    return printable(said(value))
