"""Small files are read up to a size, whatever they are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from provenance.errors import TrustError
from provenance.files import read_small


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no /dev/zero")
def test_a_file_without_an_end_is_read_up_to_one_byte_too_many() -> None:
    assert read_small(Path("/dev/zero"), most=10) == bytes(11)


def test_a_file_that_cannot_be_read_is_said_to_be_so_in_the_callers_words(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(TrustError) as caught:
            read_small(path, "key", error=TrustError, hint="look again")
        assert (caught.value.code, caught.value.location, caught.value.hint) == (
            "input-unreadable", str(path), "look again")
        assert "key" in caught.value.message
