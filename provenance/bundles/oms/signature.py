"""A model signature as a value: what is signed, and by which serialization it was computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from provenance.artifacts.digest import HEX_LENGTHS
from provenance.artifacts.hashing import Wanted
from provenance.artifacts.manifest import REPOSITORY_FILES, FileEntry
from provenance.artifacts.shards import Sharding
from provenance.statements.statement import ResourceDescriptor

Method = Literal["files", "shards"]
Hash = Literal["sha256", "blake2b", "blake3"]
METHODS: tuple[Method, ...] = ("files", "shards")
HASHES: tuple[Hash, ...] = ("sha256", "blake2b", "blake3")
SHARD_SIZE = 1_000_000_000  # section 6.3.2
LONE_FILE = "."  # how releases before 1.0.1 of the reference implementation name a model that is one file


@dataclass(frozen=True)
class Serialization:
    """How files become resources (section 5.2.2): the signer's word, which decides how the signature is checked.

    `ignored` and `allow_symlinks` are claims: they say what the specification counts as signed, and nothing to
    coverage.
    """

    method: Method = "files"
    hash: Hash = "sha256"
    shard_size: int = 0
    allow_symlinks: bool = False
    ignored: tuple[str, ...] = ()

    @cached_property
    def sharding(self) -> Sharding | None:
        """How files are cut; None where they are not."""
        return Sharding(self.hash, self.shard_size) if self.method == "shards" else None

    @property
    def wanted(self) -> Wanted:
        """What the engine has to compute of each file."""
        return Wanted((), shards=(self.sharding,)) if self.sharding else Wanted((self.hash,))

    @property
    def is_strong(self) -> bool:
        """Whether a requirement that asks for SHA-2 can rest on it."""
        return self.hash == "sha256"

    @property
    def hex_length(self) -> int:
        """How many characters a digest has."""
        return HEX_LENGTHS[self.hash]

    def digests_in(self, entry: FileEntry) -> str:
        """What a signature says of a file that is like this one; "" where it was not read so, or has no shards."""
        if self.sharding is not None:
            return dict(entry.shards).get(self.sharding, "")
        return entry.sha256 if self.hash == "sha256" else dict(entry.others).get(self.hash, "")

    def ignores(self, path: str) -> bool:
        """Whether the path is left out: one of `ignored` or of the defaults, at the top, or beneath (6.2.1)."""
        parts = path.split("/")
        return any("/".join(parts[:length]) in self._left_out for length in range(1, len(parts) + 1))

    @cached_property
    def _left_out(self) -> frozenset[str]:
        return frozenset({*REPOSITORY_FILES, *self.ignored})

    def lists(self, entry: FileEntry) -> bool:
        """Whether a signature has a row for the file: an empty one has no shards (6.3.2)."""
        return not self.ignores(entry.path) and (self.method == "files" or entry.size > 0)

    def to_dict(self) -> dict[str, Any]:
        """As the specification spells it."""
        size = {"shard_size": self.shard_size} if self.method == "shards" else {}
        return {"method": self.method, "hash_type": self.hash, **size, "allow_symlinks": self.allow_symlinks,
                "ignore_paths": list(self.ignored)}


@dataclass(frozen=True)
class ModelSignature:
    """A signed list of files: by relative path the digest of each, in hex, or those of its shards one after the other.

    `sizes` has the sizes in bytes that follow from the shards.
    """

    subjects: tuple[ResourceDescriptor, ...]
    resources: Mapping[str, str]
    serialization: Serialization = Serialization()
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def sha256(self) -> Mapping[str, str]:
        """The sha256 of each file by its path; empty where something else was signed."""
        whole = self.serialization.method == "files" and self.serialization.hash == "sha256"
        return self.resources if whole else {}

    @property
    def is_of_a_lone_file(self) -> bool:
        """Whether it names a model that is one file as early releases did."""
        return self.resources.keys() == {LONE_FILE}

    def may_be(self, path: str, size: int) -> bool:
        """Whether a file of this path and size can be as it was signed: nobody needs to read one that cannot."""
        listed = path in self.resources and self.sizes.get(path, size) == size
        return listed or self.is_of_a_lone_file
