"""Whether a bill of materials is what its specification asks for: the answer of the library of CycloneDX (extra `bom`).

What is read of a document does not depend on it: this tells whoever wrote the document what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterator

from provenance.artifacts.names import brief
from provenance.declared.document import Declared
from provenance.errors import Finding, StatementError

MAX_VALIDATED = 4 << 20  # the library takes some seconds for that much


def validated(declared: Declared, data: bytes) -> Iterator[Finding]:
    """The first thing that breaks the schema of CycloneDX, or why that is not known; nothing for other formats.

    StatementError `extra-missing`.
    """
    name, _, version = declared.format.partition(" ")
    if name != "CycloneDX":
        return
    if len(data) > MAX_VALIDATED:
        yield _finding(declared, f"not validated: it has more than {MAX_VALIDATED} bytes", "split the document")
    elif problem := _problem(data, version):
        yield _finding(declared, f"breaks the schema of {declared.format}: {problem}", "see the format's specification")


def _problem(data: bytes, version: str) -> str:
    try:
        from cyclonedx.schema import SchemaVersion
        from cyclonedx.validation.json import JsonStrictValidator
    except ImportError as err:
        raise StatementError("extra-missing", "validating needs the library of CycloneDX", location="cyclonedx",
                             hint="pip install 'open-provenance[bom]'") from err
    try:
        error = JsonStrictValidator(SchemaVersion.from_version(version)).validate_str(data.decode("utf-8"))
    except RecursionError:  # it follows every level by several calls of functions, and does not say how many
        return "it is nested deeper than the library can follow"
    if error is None:
        return ""
    place = "/".join(map(str, getattr(error.data, "absolute_path", ())))
    return brief(f"{place}: {getattr(error.data, 'message', error)}")


def _finding(declared: Declared, message: str, hint: str) -> Finding:
    return Finding("schema-mismatch", "warning", message, declared.file, hint)
