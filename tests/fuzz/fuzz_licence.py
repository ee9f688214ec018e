"""Licence names from cards and statements: an expression, or "unknown"; never an exception."""

from __future__ import annotations

from harness import fuzz

SEEDS = [text.encode() for text in (
    "", "MIT", "apache-2.0", "MIT OR", "MIT/Apache-2.0", "LicenseRef-Apache-2.0", "GPL", "(MIT", "MIT\u200b",
    "MIT AND (Apache-2.0 OR GPL-2.0-only WITH Classpath-exception-2.0)", "WITH", "other", "(" * 500,
)]


def one_input(data: bytes) -> None:
    """A licence that is not known has no category that a policy could pass on."""
    from provenance.policy.licences import normalise

    normalise(data.decode("utf-8", "replace"))


if __name__ == "__main__":
    fuzz(one_input, "provenance.policy.licences")
