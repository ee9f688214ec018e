"""Names of files: which are portable, and which of them collide.

A name is relative, uses `/`, is UTF-8 without control characters, and means the same on every system that may
unpack it. Names come from folders and from signed manifests; both are held to the same rule.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

MAX_DEPTH = 64
MAX_COMPONENT_BYTES = 255
MAX_LABEL = 1024
# Formatting characters and line separators change how a line of text reads without being seen (Trojan Source,
# CVE-2021-42574).
_INVISIBLE = frozenset({"Cf", "Zl", "Zp"})
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[1-9¹²³]) *(\..*)?")
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # the category Cc, which Unicode has closed
_TAIL = re.compile(r"[ .](?:/|\Z)")
# Nearly every name is made of these signs alone. What matches breaks no rule; what does not is held against each.
_PART = r"(?!(?i:con|prn|aux|nul|com[0-9]|lpt[0-9])(?![0-9A-Za-z_-]))\.?[0-9A-Za-z_-][0-9A-Za-z_.-]{0,253}"
_PLAIN = re.compile(rf"(?:{_PART}/){{0,{MAX_DEPTH - 1}}}{_PART}")
# Of a name of so many signs no part is too long, and no more than MAX_DEPTH of them have room.
_SHORT = 2 * MAX_DEPTH - 1
_SIGNS = b"0123456789abcdefghijklmnopqrstuvwxyz_-./"
# Sought one by one: `in` is slower where the last sign of what is sought stands everywhere, as a slash does.
_SUSPECT_PARTS = tuple(map(re.compile, (rb"//", rb"\./", rb"/[acnpl](?:on|rn|ux|ul|(?:om|pt)[0-9])[./]")))


def problem_with_name(name: str) -> str:
    """Why this relative name must not be used, in words; empty when it may.

    Implements OMS v1.0 section 6.1.2 and refuses what other systems read as a path out of the folder
    (drive letters, UNC and backslashes: CVE-2026-15717).
    """
    return "" if _PLAIN.fullmatch(name) else _broken_rule(name)


def problem_with_names(names: Collection[str]) -> str:
    """The first problem that `problem_with_name` has with one of them; most lists are found good at one go."""
    return "" if _are_plain(names) else next(filter(None, map(problem_with_name, names)), "")


def _are_plain(names: Collection[str]) -> bool:
    """Whether none of them can break a rule: short, of plain signs, no part empty, dotted at its end or reserved."""
    parts = f"/{'/'.join(names)}/"
    if not parts.isascii() or max(map(len, names), default=0) > _SHORT:
        return False
    signs = parts.lower().encode("ascii")
    return not (signs.translate(None, _SIGNS) or any(part.search(signs) for part in _SUSPECT_PARTS))


def _broken_rule(name: str) -> str:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return "is not valid UTF-8"
    if not name:
        return "is empty"
    if _CONTROL.search(name):
        return "holds control characters"
    if "\\" in name or name.startswith("/") or _DRIVE.match(name):
        return "is absolute, or uses a drive letter or a backslash"
    parts = name.split("/")
    if len(parts) > MAX_DEPTH:
        return f"is nested deeper than {MAX_DEPTH} folders"
    return next((why for part in parts if (why := _problem_with_part(part))), "")


def _problem_with_part(part: str) -> str:
    if part in ("", ".", ".."):
        return "is not in its shortest form, or leaves the folder"
    if len(part.encode("utf-8")) > MAX_COMPONENT_BYTES:
        return f"has a part of more than {MAX_COMPONENT_BYTES} bytes"
    if _RESERVED.fullmatch(part):
        return "is reserved on Windows"
    return ""


def is_deceptive(name: str) -> bool:
    """Whether the name holds invisible or direction-changing characters."""
    return not name.isascii() and any(unicodedata.category(char) in _INVISIBLE for char in name)


def is_odd_label(name: str) -> bool:
    """Whether a tensor's name, which no format restricts, could mislead whoever shows it or makes a path of it."""
    return (
        len(name) > MAX_LABEL or is_deceptive(name) or name.startswith("/") or ".." in name.split("/")
        or bool(_CONTROL.search(name))
    )


def brief(name: str, longest: int = 120) -> str:
    """A name for a message: a megabyte of it helps nobody."""
    return name if len(name) <= longest else f"{name[: longest - 20]}… ({len(name)} characters)"


def brief_tree(value: Any, longest: int) -> Any:
    """A copy of a JSON-like document in which no text but the names of members is longer."""
    if isinstance(value, str):
        return brief(value, longest)
    if isinstance(value, Mapping):
        return {name: brief_tree(item, longest) for name, item in value.items()}
    return [brief_tree(item, longest) for item in value] if isinstance(value, list | tuple) else value


def collisions(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Groups of names that are one name on some system, sorted.

    Those are names that are equal under canonical caseless matching (Unicode, D145), and under the habit of Windows
    of dropping dots and spaces at the end of each part.
    """
    names = list(names)
    keys = list(map(_on_any_system, names))
    if len(set(keys)) == len(keys):
        return []
    groups: dict[str, list[str]] = defaultdict(list)
    for key, name in zip(keys, names, strict=True):
        groups[key].append(name)
    return sorted(tuple(sorted(group)) for group in groups.values() if len(group) > 1)


def _on_any_system(name: str) -> str:
    """What is the same for two names that are one on some system."""
    # Of ASCII, folding leaves the small letters, and no form of normalisation changes anything.
    folded = name.lower() if name.isascii() else unicodedata.normalize(
        "NFD", unicodedata.normalize("NFD", name).casefold())
    return "/".join(part.rstrip(" .") for part in folded.split("/")) if _TAIL.search(folded) else folded
