"""The project's own data files: schemas, attestation pages with their golden vectors, policies, examples.

An installed wheel carries them in `provenance/_resources/<kind>/`; a checkout has them at its top level.
They are found beside this module and nowhere else. A working folder, an environment variable or a
neighbour in site-packages never supplies a schema or a policy: whoever could do that would write the verdict.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from provenance.errors import ProvenanceError

Kind = Literal["schemas", "attestations", "policies", "examples"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_PACKAGE = Path(__file__).resolve().parent


def read_text(kind: Kind, name: str) -> str:
    """The text of one data file; `name` is a relative POSIX path such as `verdict.schema.json`."""
    try:
        return read_bytes(kind, name).decode("utf-8")
    except UnicodeDecodeError as err:
        raise _unreadable(kind, name, "is not UTF-8") from err


def read_bytes(kind: Kind, name: str) -> bytes:
    """The bytes of one data file, for golden vectors, whose bytes are what matters."""
    if not _is_plain(name):
        raise _unreadable(kind, name, "is not a plain relative name")
    try:
        return _folder(kind).joinpath(name).read_bytes()
    except OSError as err:
        raise _unreadable(kind, name, "cannot be read") from err


def names(kind: Kind) -> tuple[str, ...]:
    """The names of all data files of a kind, with those in subfolders, sorted; no hidden ones, no caches."""
    return _names(_folder(kind))


@cache  # what a policy extends is looked for among them again and again
def _names(folder: Path) -> tuple[str, ...]:
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return tuple(sorted(name.as_posix() for name in found
                        if not any(part.startswith((".", "__pycache__")) for part in name.parts)))


def _folder(kind: Kind) -> Path:
    """The folder of a kind: the wheel's where there is one, otherwise the checkout's."""
    if kind not in KINDS:
        raise _unreadable(kind, "", f"is not one of {', '.join(KINDS)}")
    packaged = _PACKAGE / "_resources" / kind
    if packaged.is_dir():
        return packaged
    checkout = _PACKAGE.parent
    # Without this, a broken installation would read `schemas/` of whatever else lies in site-packages.
    if (checkout / "pyproject.toml").is_file() and (checkout / kind).is_dir():
        return checkout / kind
    raise _unreadable(kind, "", "is missing from this installation")


def _is_plain(name: str) -> bool:
    """True for a relative name without `.`, `..`, empty or drive parts: it cannot leave its folder."""
    parts = name.split("/")
    return not (PurePosixPath(name).is_absolute() or any(part in ("", ".", "..") for part in parts)
                or any(sign in name for sign in "\\:\0"))


def _unreadable(kind: str, name: str, why: str) -> ProvenanceError:
    what = f"the data file {kind}/{name}" if name else f"the data folder {kind}"
    return ProvenanceError("input-unreadable", f"{what} {why}", location=f"{kind}/{name}".rstrip("/"),
                           hint="reinstall open-provenance, or run it from a complete checkout")
