"""What is taken out of command lines and values before they are signed: secrets, credentials, absolute paths.

The rule errs on the side of taking out. A statement is published; a token in it is lost for good, and a path tells the
name of a user and the layout of a machine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from provenance.workflows.recorder.places import short_name

HIDDEN = "***"
_WORDS = (
    r"token|passwd|password|passphrase|secret|credentials?|authorization|api[_-]?key|access[_-]?key(?:[_-]?id)?"
    r"|(?:secret|private|account|auth)[_-]?key|(?<![a-z])(?:pass|auth|sig|signature)"
)
_SECRET_NAME = re.compile(rf"[\w.-]*(?:{_WORDS})", re.IGNORECASE)
# What a tokenizer's configuration calls its special tokens is not a secret.
_SPECIAL_TOKEN = re.compile(r"(?:.*[_-])?(?:pad|eos|bos|unk|mask|cls|sep|special|next|image)[_-]?token", re.IGNORECASE)
# These two begin at the word that tells, not at the name that holds it: the time stays linear in the text.
_ASSIGNED = re.compile(rf"""(?:{_WORDS})(?P<sign>["']?\s*[:=]\s*["']?)(?P<value>[^\s"',;&}}]+)""", re.IGNORECASE)
# The same within a word that is a command line itself: `sh -c "train --token X"`.
_SPOKEN = re.compile(rf"""(?:{_WORDS})(?P<sign>\s+["']?)(?P<value>[^\s"'-][^\s"']*)""", re.IGNORECASE)
_NAME = re.compile(r"[\w.-]*\Z")
_LONGEST_NAME = 64
_USER_IN_URL = re.compile(r"://[^\s/]+@")
_BEARER = re.compile(r"\b(?P<scheme>bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE)
# Tokens that are known by their shape: Hugging Face, GitHub, GitLab, OpenAI and kin, AWS, Slack, Google, JWT.
_SHAPES = re.compile(
    r"\bhf_[A-Za-z0-9]{16,}|\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}|\bsk-[\w-]{16,}"
    r"|\bAKIA[0-9A-Z]{16}\b|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{30,}|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
)
_PATH = re.compile(r"(?:(?<=file://)|(?<![\w./~]))/[\w.+@%=-]+(?:/[\w.+@%=-]+)*")
_OPTION = re.compile(r"(?P<option>--?[\w.-]+=|[\w.-]+=|-[A-Za-z])?(?P<value>.*)", re.DOTALL)
_LIST = re.compile(r"[:,;]\.{0,2}/")


@dataclass(frozen=True)
class Cleaned:
    """Words that may be signed, and whether secrets or paths were taken out of them."""

    words: tuple[str, ...]
    hidden: bool = False
    shortened: bool = False


def is_secret_name(name: str) -> bool:
    """Whether a variable or option of this name holds a secret."""
    return bool(_SECRET_NAME.fullmatch(name)) and not _SPECIAL_TOKEN.fullmatch(name)


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The values of variables that hold secrets, longest first; what is too short to search for is left out."""
    values = {value for name, value in environment.items() if is_secret_name(name) and len(value) >= 6}
    return tuple(sorted(values, key=lambda value: (-len(value), value)))


def clean_command(command: Sequence[str], folder: Path, secrets: Sequence[str]) -> Cleaned:
    """A command line without secrets and absolute paths; the program keeps a name by which it is found again.

    Bytes that are no UTF-8, which JSON cannot hold, are spelled as escapes.
    """
    words, option = list[str](), False
    for word in map(_encodable, command):
        if option and not word.startswith("-"):
            words.append(HIDDEN)
        else:
            words.append(_without_secrets(word, secrets))
        option = word.startswith("-") and is_secret_name(word.lstrip("-"))
    hidden = words != [_encodable(word) for word in command]
    short = [_program(words[0], folder), *(_without_paths(word, folder) for word in words[1:])]
    return Cleaned(tuple(short), hidden, short != words)


def clean_text(text: str, folder: Path, secrets: Sequence[str]) -> str:
    """One value, such as that of a variable, without secrets and absolute paths."""
    return _without_paths(_without_secrets(_encodable(text), secrets), folder)


def without_credentials(url: str) -> str:
    """A URL without user, password and tokens."""
    return _without_secrets(_USER_IN_URL.sub("://", url), ())


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _without_secrets(word: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        word = word.replace(secret, HIDDEN)
    name, sign, value = word.partition("=")
    if sign and value and is_secret_name(name.lstrip("-")):
        return f"{name}={HIDDEN}"
    word = _USER_IN_URL.sub(f"://{HIDDEN}@", word)
    word = _BEARER.sub(rf"\g<scheme> {HIDDEN}", word)
    word = _ASSIGNED.sub(lambda found: _hide_value(found, _name_of(found)), word)
    word = _SPOKEN.sub(_hide_spoken, word)
    return _SHAPES.sub(HIDDEN, word)


def _name_of(found: re.Match[str]) -> str:
    """The whole name that ends with the word that was found."""
    end = found.start("sign")
    before = _NAME.search(found.string[max(0, end - _LONGEST_NAME) : end])
    return before[0] if before else ""


def _hide_spoken(found: re.Match[str]) -> str:
    name = _name_of(found)
    return _hide_value(found, name) if name.startswith("-") else found[0]


def _hide_value(found: re.Match[str], name: str) -> str:
    if _SPECIAL_TOKEN.fullmatch(name.lstrip("-")):
        return found[0]
    return found[0][: found.start("value") - found.start()] + HIDDEN


def _program(word: str, folder: Path) -> str:
    """The program: by its last part when it lies outside or in a virtual environment, otherwise by a relative path."""
    if "/" not in word:
        return word
    name, inside = short_name(word, folder)
    if not inside or (Path(folder, word).parent.parent / "pyvenv.cfg").is_file():
        return Path(word).name
    return name if "/" in name else f"./{name}"


def _without_paths(word: str, folder: Path) -> str:
    parts = _OPTION.fullmatch(word)
    assert parts is not None  # noqa: S101  the pattern takes any text
    option, value = parts["option"] or "", parts["value"]
    if value.startswith("/") and not _LIST.search(value):
        return option + short_name(value, folder)[0]
    if ".." in Path(value).parts and set(Path(value).parts) != {".."} and "://" not in value:
        name, inside = short_name(value, folder)
        return word if inside else option + name
    return _PATH.sub(lambda found: _shorten(found[0], folder), word)


def _shorten(text: str, folder: Path) -> str:
    """A part of a word that may be a path: one only if its first part is there on this machine."""
    first = text.split("/", 2)[1]
    return short_name(text, folder)[0] if os.path.lexists(f"/{first}") else text
