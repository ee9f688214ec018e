"""The pages in `attestations/` say what the program does: examples are golden statements, links lead somewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from provenance import resources
from provenance.bundles.envelope import parse_bundle
from provenance.bundles.trust import parse_trust
from provenance.bundles.verifier import Verifier
from provenance.statements.intoto import read_payload
from provenance.statements.reader import to_json
from provenance.statements.shown import SHOWN

FOLDER = resources._folder("attestations")
PAGES = sorted(path.name for path in FOLDER.glob("*.md"))


def examples(page: str) -> list[Any]:
    """The statements that a page shows."""
    blocks = re.findall(r"^```json\n(.*?)^```", (FOLDER / page).read_text(), re.MULTILINE | re.DOTALL)
    return [json.loads(block) for block in blocks if '"_type"' in block]


@pytest.mark.parametrize("page", ["dataset", "release", "assessment", "waiver", "model-signature",
                                  "verification-summary"])
def test_the_example_of_a_page_is_a_golden_statement(page: str) -> None:
    data = resources.read_bytes("attestations", f"vectors/bundles/valid/{page}.ed25519.sigstore.json")
    assert examples(f"{page}.md") == [json.loads(parse_bundle(data, page).payload)]


@pytest.mark.parametrize("page", [page for page in PAGES if examples(page)])
def test_every_statement_on_a_page_is_one_that_is_read(page: str) -> None:
    for example in examples(page):
        statement = read_payload(to_json(example), page)
        if statement.predicate_type not in SHOWN:
            assert Verifier(None, None).declare(statement, page, "").claim  # type: ignore[arg-type]


def test_the_example_of_the_tensor_tree_is_its_vector() -> None:
    text = (FOLDER / "weights.md").read_text()
    vector = json.loads(resources.read_bytes("attestations", "vectors/weights/valid/base.json"))
    parts = [row[key] for row in vector["tensors"] for key in ("leaf", "dataHead")]
    assert [value for value in [vector["root"], vector["head"], *parts] if value not in text] == []


def test_the_example_of_the_trust_file_is_one() -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```", (FOLDER / "trust-file.md").read_text(), re.MULTILINE | re.DOTALL)
    trust = parse_trust(text.encode(), "trust.yaml")
    assert (len(trust.principals), len(trust.thresholds), len(trust.recalled)) == (2, 1, 1)


def test_the_table_of_pages_names_every_page() -> None:
    linked = set(re.findall(r"\]\(([a-z-]+\.md)\)", (FOLDER / "README.md").read_text()))
    assert linked == set(PAGES) - {"README.md"}


@pytest.mark.parametrize("page", [path.relative_to(FOLDER).as_posix() for path in sorted(FOLDER.rglob("*.md"))])
def test_links_and_named_files_are_there(page: str) -> None:
    text = (FOLDER / page).read_text()
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (FOLDER / page).parent.joinpath(link).exists(), link
    for name in re.findall(r"`((?:schemas|tests|provenance)/[\w./-]+)`", text):
        assert Path(resources.__file__).parents[1].joinpath(name).exists(), name


def test_every_key_and_folder_of_the_vectors_is_described() -> None:
    keys = (FOLDER / "vectors" / "keys" / "README.md").read_text()
    private = [path.stem for path in (FOLDER / "vectors" / "keys").glob("*.pem") if ".pub" not in path.name]
    assert [name for name in private if f"`{name}`" not in keys] == []
    table = (FOLDER / "vectors" / "README.md").read_text()
    assert all(f"`{path.name}/" in table for path in (FOLDER / "vectors").iterdir() if path.is_dir())
