"""Files whose first bytes are those of a program, a pickle or an archive, whatever their names say.

A loader goes by the bytes: `torch.load` runs a pickle named `vocab.dat`. What the reader of a container looks at is
left to that reader.
"""

from __future__ import annotations

import os
import re

from provenance.artifacts.containers.kinds import container_of
from provenance.artifacts.containers.old_pickles import would_call
from provenance.errors import Finding

_HEAD = 1024
_PICKLE = re.compile(rb"\x80[\x02-\x05]")  # others look like text
_PROGRAM = re.compile(rb"\x7fELF|MZ|#!|\xcf\xfa\xed\xfe|\xca\xfe\xba\xbe")
_ARCHIVE = re.compile(rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf|Rar!|\xfd7zXZ|BZh[1-9]|\x28\xb5\x2f\xfd")


def disguised(descriptor: int, path: str) -> tuple[Finding, ...]:
    """What an open file is by its first bytes, where that is worth telling."""
    if container_of(path) is not None:
        return ()
    head = os.pread(descriptor, _HEAD, 0)
    if _PICKLE.match(head) or would_call(descriptor, head):
        return (Finding("pickle-unsafe", "warning", "it begins as a pickle, which would have to be run", path,
                        "ask the producer for a file that holds no code"),)
    what = "a program" if _PROGRAM.match(head) else "an archive" if _ARCHIVE.match(head) else ""
    return (Finding("file-holds-code", "warning", f"it begins as {what}; what is in it was not looked at", path,
                    "find out what it is for, or remove it"),) if what else ()
