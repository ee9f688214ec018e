"""Configuration files of a model: whether every reader of JSON reads the same in them.

Of a doubled key some readers take the first value and some the last; half a surrogate pair cannot be written again;
brackets without end overflow a stack. None of it is an error of the folder: its digests hold, so it is a finding.
"""

from __future__ import annotations

from dataclasses import replace

from provenance.artifacts.hashing import FileRead
from provenance.errors import Finding

MAX_CONFIGURATION = 1 << 20  # parsed, it may take thirty times as much
# What loaders read before they load weights. Infinity may stand in them: state space models write it.
_ENDINGS = ("config.json", "special_tokens_map.json", "chat_template.json")


def is_configuration(path: str, size: int) -> bool:
    """Whether the content of this file is looked at."""
    return size <= MAX_CONFIGURATION and path.endswith(_ENDINGS)


def too_large(path: str, size: int) -> tuple[Finding, ...]:
    """A configuration that is not looked at because of its size: else one more megabyte would hide what is in it."""
    if size <= MAX_CONFIGURATION or not path.endswith(_ENDINGS):
        return ()
    return (Finding("document-too-large", "warning", f"a configuration of more than {MAX_CONFIGURATION} bytes, which "
                    "was not looked at", path, "ask the producer for a smaller one"),)


def examined(read: FileRead, path: str, *, keep: bool) -> FileRead:
    """The same read with what was seen in a configuration; its content is dropped unless somebody wants it."""
    findings = read.findings
    if read.content is not None and is_configuration(path, read.size) and (why := _flaw(read.content)):
        findings = (*findings, Finding("json-invalid", "warning", f"readers may differ about it: {why}", path,
                                       "ask the producer for a file that is strict JSON"))
    return replace(read, findings=findings, content=read.content if keep else None)


def _flaw(content: bytes) -> str:
    import jiter

    try:
        jiter.from_json(content, catch_duplicate_keys=True)
    except ValueError as err:
        return str(err)
    return ""
