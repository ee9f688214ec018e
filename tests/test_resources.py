"""The data files come from beside the package, and from nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance import resources
from provenance.errors import ProvenanceError


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one policy and one vector in a subfolder."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "one.yaml").write_text("checkout é", encoding="utf-8")
    (tmp_path / "policies" / ".hidden").touch()
    (tmp_path / "policies" / "__pycache__").mkdir()
    (tmp_path / "policies" / "__pycache__" / "one.pyc").touch()
    (tmp_path / "attestations" / "vectors").mkdir(parents=True)
    (tmp_path / "attestations" / "vectors" / "tree.bin").write_bytes(b"\xff\x00")
    (tmp_path / "attestations" / "README.md").touch()
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "provenance")
    return tmp_path


def test_a_checkout_supplies_its_top_level_folders(checkout: Path) -> None:
    assert resources.read_text("policies", "one.yaml") == "checkout é"
    assert resources.read_bytes("attestations", "vectors/tree.bin") == b"\xff\x00"


def test_names_are_sorted_and_without_hidden_files_and_caches(checkout: Path) -> None:
    assert resources.names("policies") == ("one.yaml",)
    assert resources.names("attestations") == ("README.md", "vectors/tree.bin")


def test_the_folder_of_the_wheel_comes_before_the_checkout(checkout: Path) -> None:
    packaged = checkout / "provenance" / "_resources" / "policies"
    packaged.mkdir(parents=True)
    (packaged / "one.yaml").write_text("wheel")
    assert resources.read_text("policies", "one.yaml") == "wheel"


def test_a_neighbour_in_site_packages_never_supplies_a_policy(checkout: Path) -> None:
    (checkout / "pyproject.toml").unlink()
    with pytest.raises(ProvenanceError, match="missing from this installation"):
        resources.names("policies")


@pytest.mark.parametrize("name", ["", "/etc/hostname", "../pyproject.toml", "vectors/../../pyproject.toml",
                                  "./one.yaml", "a//b", "C:one.yaml", "..\\one.yaml", "one.yaml\0"])
def test_a_name_cannot_leave_its_folder(checkout: Path, name: str) -> None:
    with pytest.raises(ProvenanceError, match="not a plain relative name") as caught:
        resources.read_bytes("policies", name)
    assert caught.value.code == "input-unreadable"


def test_an_unknown_file_says_which_and_what_to_do(checkout: Path) -> None:
    with pytest.raises(ProvenanceError) as caught:
        resources.read_text("policies", "two.yaml")
    assert caught.value.location == "policies/two.yaml"
    assert caught.value.message == "the data file policies/two.yaml cannot be read"
    assert "reinstall" in caught.value.hint


def test_text_that_is_not_utf8_is_an_error(checkout: Path) -> None:
    with pytest.raises(ProvenanceError, match="not UTF-8"):
        resources.read_text("attestations", "vectors/tree.bin")


def test_an_unknown_kind_is_an_error(checkout: Path) -> None:
    with pytest.raises(ProvenanceError, match="is not one of schemas, attestations, policies, examples"):
        resources.names("secrets")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", resources.KINDS)
def test_every_kind_has_readable_files_in_this_project(kind: resources.Kind) -> None:
    names = resources.names(kind)
    assert names
    texts = [name for name in names if name.endswith((".json", ".yaml", ".md")) and not name.startswith("vectors/")]
    assert all(resources.read_text(kind, name) for name in texts)  # some of the vectors are not text, on purpose
