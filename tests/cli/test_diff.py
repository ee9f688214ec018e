"""`provenance diff` and `provenance proof`, as a user types them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from provenance.statements.reader import validate
from tests.cli.conftest import Run
from tests.world import safetensors

SVG = "{http://www.w3.org/2000/svg}"
LAYERS = {f"layers.{number}.w": [float(number), 1.0] for number in range(4)}


def write(place: Path, tensors: dict[str, list[float]]) -> str:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(safetensors(tensors))
    return str(place)


class TestDiff:
    """0 the same, 1 different, 2 cannot be told; the text says what, with denominators."""

    def test_the_same(self, run: Run, model: Path) -> None:
        ran = run("diff", "model", "model")
        assert ran.code == 0
        assert ran.out.startswith("Same: The same, bit for bit.\n")
        assert "2 of 2 tensors (100 %), 12 of 12 bytes (100 %) of the first" in ran.out

    def test_other_shards_are_the_same(self, run: Run, model: Path, tmp_path: Path) -> None:
        for name, rows in {"x": {"b": [3.0]}, "y": {"a": [1.0, 2.0]}}.items():
            write(tmp_path / "cut" / f"{name}.safetensors", rows)
        for name in ("README.md", "config.json"):
            (tmp_path / "cut" / name).write_bytes((model / name).read_bytes())
        ran = run("diff", "model", "cut")
        assert (ran.code, ran.err) == (0, "")
        assert "same weights" in ran.out
        assert "stored differently" in ran.out

    def test_a_fine_tune(self, run: Run, tmp_path: Path) -> None:
        first = write(tmp_path / "base.safetensors", LAYERS)
        second = write(tmp_path / "tuned.safetensors", {**LAYERS, "layers.3.w": [8.0, 8.0], "head": [1.0]})
        ran = run("diff", first, second)
        assert ran.code == 1
        assert ran.out.startswith("Different: Consistent with a fine-tune")
        assert "unchanged  3 of 4 tensors (75.0 %), 24 of 32 bytes (75.0 %) of the first" in ran.out
        assert "added      1 of 5 tensors (20.0 %), 4 of 36 bytes (11.1 %) of the second" in ran.out
        assert "changed  layers.3.w: data" in ran.out
        assert "added  head  F32 [1]" in ran.out
        assert "unchanged layers (3 of 5): layers.0 to 2" in ran.out

    def test_renamed_and_moved_tensors_and_shapes(self, run: Run, tmp_path: Path) -> None:
        first = write(tmp_path / "1.safetensors", {"a": [1.0], "b": [2.0], "c": [3.0], "z1": [0.0], "z2": [0.0]})
        second = write(tmp_path / "2.safetensors", {"a": [2.0], "b": [2.0, 2.0], "d": [3.0], "z3": [0.0], "z4": [0.0]})
        out = run("diff", first, second).out
        assert "renamed  c -> d\n" in out
        assert "renamed  z1 -> z3 (one of several with these values)" in out
        assert "changed  a: data, has the values that b had" in out
        assert "changed  b: shape, data, F32 [1] -> F32 [2]" in out

    def test_json_lists_everything_and_follows_its_schema(self, run: Run, tmp_path: Path) -> None:
        first = write(tmp_path / "1.safetensors", {f"t{number}": [float(number)] for number in range(60)})
        second = write(tmp_path / "2.safetensors", {f"t{number}": [number + 100.0] for number in range(60)})
        ran = run("diff", first, second, "--format", "json")
        assert ran.code == 1
        validate(ran.json, "diff", "stdout")
        assert len(ran.json["weights"]["changed"]) == 60
        text = run("diff", first, second).out
        assert "and 40 more changed; --format json lists them all" in text

    def test_metadata_and_files_are_told_apart(self, run: Run, model: Path, tmp_path: Path) -> None:
        data = (model / "model.safetensors").read_bytes()
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        body = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "model.safetensors").write_bytes(len(body).to_bytes(8, "little") + body + data[-12:])
        (tmp_path / "other" / "config.json").write_text("{}")
        out = run("diff", "model", "other").out
        assert "metadata of the weight files: 1 keys differ" in out
        assert 'metadata  format: none -> "pt"' in out
        assert "other files: 2 of 2 differ" in out
        assert "file  README.md  only in the first" in out
        assert "file  config.json  differs" in out
        assert "file  README.md  only in the second" in run("diff", "other", "model").out

    def test_an_address_is_read_too_and_says_how_much_of_it(self, run: Run, model: Path) -> None:
        pytest.importorskip("fsspec")
        ran = run("diff", "model", f"file://{model}")
        assert ran.code == 0
        assert "    fetched  241 of 241 bytes (100 %)\n" in ran.out
        answer = run("diff", "model", f"file://{model}", "--format", "json").json
        assert [answer[side]["bytesFetched"] for side in ("first", "second")] == [None, 241]

    def test_headers_alone_show_nothing_to_be_the_same(self, run: Run, model: Path) -> None:
        """Not even a model and itself: the exit code is 1, and the text says why."""
        ran = run("diff", "model", "model", "--headers-only")
        assert ran.code == 1
        assert ran.out.startswith("Not shown to be the same: Names, dtypes and shapes of all 2 tensors are equal.")
        assert "No values were" in ran.out
        assert "values, and files beside the weights: NOT compared" in ran.out
        assert "uncompared 2 of 2 tensors (100 %)" in ran.out
        assert not {"unchanged", "renamed"} & set(ran.out.split())
        answer = run("diff", "model", "model", "--headers-only", "--format", "json").json
        validate(answer, "diff", "stdout")
        assert (answer["same"], answer["identical"], answer["valuesCompared"]) == (False, False, False)

    def test_headers_that_differ_are_a_difference(self, run: Run, tmp_path: Path) -> None:
        first = write(tmp_path / "base.safetensors", LAYERS)
        second = write(tmp_path / "other.safetensors", {**LAYERS, "layers.3.w": [8.0], "head": [1.0]})
        ran = run("diff", first, second, "--headers-only")
        assert (ran.code, ran.out.startswith("Different: 3 of the first's 4 tensors")) == (1, True)
        assert "changed  layers.3.w: shape, data, F32 [2] -> F32 [1]" in ran.out

    def test_bytes_that_were_not_compared_are_not_called_equal(self, run: Run, tmp_path: Path) -> None:
        pytest.importorskip("fsspec")
        first = write(tmp_path / "base.safetensors", {"a": [1.0, 2.0]})
        data = (tmp_path / "base.safetensors").read_bytes().replace(b'"F32"', b'"I32"')
        (tmp_path / "other.safetensors").write_bytes(data)
        ran = run("diff", first, f"file://{tmp_path}/other.safetensors", "--report", "page.html")
        assert "changed  a: dtype, F32 [2] -> I32 [2] (bytes not compared)" in ran.out
        assert "(bytes not compared)" in (tmp_path / "page.html").read_text()
        assert "not compared" not in run("diff", first, str(tmp_path / "other.safetensors")).out

    def test_without_weights_there_are_no_headers(self, run: Run, model: Path) -> None:
        ran = run("diff", "model/config.json", "model", "--headers-only")
        assert (ran.code, "[folder-has-no-weights]" in ran.err) == (2, True)
        assert run("diff", "oci://localhost/a:1", "model", "--headers-only", "--online").code == 2

    def test_the_report_is_a_page_with_the_picture_in_it(self, run: Run, tmp_path: Path) -> None:
        first = write(tmp_path / "base.safetensors", LAYERS)
        second = write(tmp_path / "tuned.safetensors", {**LAYERS, "layers.3.w": [8.0, 8.0]})
        assert run("diff", first, second, "--report", "diff.html").code == 1
        page = (tmp_path / "diff.html").read_text()
        assert "<h1>Different</h1>" in page
        assert "<title>layers.3: 1 changed</title>" in page
        assert "Unchanged layers: layers.0 to 2." in page
        assert run("diff", first, second, "--report", "diff.pdf").code == 2

    def test_what_is_printed_fits_a_terminal(self, run: Run, tmp_path: Path) -> None:
        first = write(tmp_path / "base.safetensors", LAYERS)
        second = write(tmp_path / "tuned.safetensors", {**LAYERS, "layers.3.w": [8.0, 8.0], "head": [1.0] * 99_999})
        assert max(map(len, run("diff", first, second).out.splitlines())) <= 80

    def test_without_weights_there_are_only_files(self, run: Run, model: Path) -> None:
        ran = run("diff", "model/config.json", "model/README.md", "--picture", "strip.svg")
        assert ran.code == 1
        assert ran.out.startswith("Different: Files that differ; neither holds tensors that are read.\n")

    def test_what_cannot_be_read_is_no_answer(self, run: Run, model: Path, tmp_path: Path) -> None:
        assert run("diff", "model", "nowhere").code == 2
        (tmp_path / "bad.safetensors").write_bytes((model / "model.safetensors").read_bytes()[:-1])
        ran = run("diff", "model", "bad.safetensors", "--format", "json")
        assert (ran.code, ran.json["code"]) == (2, "safetensors-truncated")

    def test_findings_are_shown(self, run: Run, model: Path) -> None:
        (model / "model.onnx").write_bytes(b"onnx")
        assert "warning  first: weights in a container whose tensors are not read" in run("diff", "model", "model").out

    def test_hostile_names_are_shown_and_do_nothing(self, run: Run, tmp_path: Path) -> None:
        evil = "\x1b[2J\u202e</text><script>alert(1)</script>\n::error ::x"
        first = write(tmp_path / "1.safetensors", {f"{evil}.0.w": [1.0], f"{evil}gone": [4.0], f"{evil}old": [5.0]})
        second = write(tmp_path / "2.safetensors", {f"{evil}.0.w": [2.0], f"{evil}new": [6.0], f"{evil}young": [5.0]})
        for arguments in ((), ("--format", "json")):
            ran = run("diff", first, second, "--picture", "strip.svg", "--report", "page.html", *arguments)
            assert ran.code == 1
            assert not {"\x1b", "\u202e"} & set(ran.out)
            assert "\n::error" not in ran.out
        page = (tmp_path / "page.html").read_text()
        assert not {"\x1b", "\u202e"} & set(page)
        assert "<script" not in page
        assert "\n::error" not in page
        picture = (tmp_path / "strip.svg").read_text()
        assert not {"\x1b", "\u202e"} & set(picture)
        assert "<script" not in picture
        assert len(ET.fromstring(picture).findall(f".//{SVG}title")) == 5

    def test_the_picture_has_a_cell_for_each_layer(self, run: Run, tmp_path: Path) -> None:
        first = write(tmp_path / "1.safetensors", LAYERS)
        second = write(tmp_path / "2.safetensors", {**LAYERS, "layers.3.w": [8.0, 8.0]})
        assert run("diff", first, second, "--picture", "pictures/strip.svg").code == 1
        picture = ET.fromstring((tmp_path / "pictures" / "strip.svg").read_text())
        told = [title.text for title in picture.findall(f".//{SVG}g/{SVG}title")]
        assert told == [f"layers.{number}: 1 unchanged" for number in range(3)] + ["layers.3: 1 changed"]

    def test_a_great_many_tensors_are_compared_one_by_one(self, run: Run, tmp_path: Path) -> None:
        count = 20_000
        first = write(tmp_path / "1.safetensors", {f"layers.{number}.w": [float(number)] for number in range(count)})
        second = write(tmp_path / "2.safetensors", {f"x.layers.{number}.w": [float(number)] for number in range(count)})
        assert "renamed 20,000 of them" in run("diff", first, second).out


class TestProof:
    """A proof is made from the model, and checked without it, against a root or against signed evidence."""

    @pytest.fixture
    def proof(self, run: Run, released: Path) -> str:
        assert run("proof", "make", "model", "--tensor", "b", "--output", "proof.json").code == 0
        return "proof.json"

    @pytest.fixture
    def root(self, run: Run, proof: str) -> str:
        text: str = run("digest", "model", "--format", "json").json["weights"]["digest"]["tensorTree"]
        return text

    def test_it_holds_against_its_root(self, run: Run, proof: str, root: str) -> None:
        ran = run("proof", "check", proof, "--root", root)
        assert ran.code == 0
        assert ran.out.startswith("Holds: the tensor is in the weights\n")
        assert "number 1 of 2" in ran.out
        assert "its bytes were not looked at" in ran.out

    def test_it_holds_against_what_a_producer_attests(self, run: Run, proof: str, tmp_path: Path) -> None:
        arguments = ("--bundle", "model.provenance", "--trust", "trust.yaml")
        ran = run("proof", "check", proof, *arguments, "--format", "json")
        assert ran.code == 0
        validate(ran.json, "tensor-proof-check", "stdout")
        assert ran.json["signers"] == ["lab"]
        (tmp_path / "b.raw").write_bytes(b"\x00\x00\x40\x40")
        assert run("proof", "check", proof, *arguments, "--data", "b.raw").code == 0
        (tmp_path / "b.raw").write_bytes(b"\x00\x00\x40\x41")
        ran = run("proof", "check", proof, *arguments, "--data", "b.raw")
        assert (ran.code, "DOES NOT HOLD: the bytes are not those of the tensor" in ran.out) == (1, True)

    def test_a_chunk_is_proven_too(self, run: Run, proof: str, root: str, tmp_path: Path) -> None:
        made = run("proof", "make", "model/model.safetensors", "--tensor", "a", "--chunk", "0", "--output", "c.json")
        assert made.code == 0
        (tmp_path / "a.raw").write_bytes(b"\x00\x00\x80\x3f\x00\x00\x00\x40")
        ran = run("proof", "check", "c.json", "--root", root, "--data", "a.raw")
        assert ran.code == 0
        assert "chunk   number 0 of 1" in ran.out
        assert "not looked at" not in ran.out
        assert run("proof", "make", "model", "--tensor", "a", "--chunk", "1").code == 2

    def test_it_does_not_hold_against_another_root(self, run: Run, proof: str, root: str, tmp_path: Path) -> None:
        ran = run("proof", "check", proof, "--root", "0" * 64)
        assert (ran.code, "about other weights" in ran.out) == (1, True)
        document = json.loads((tmp_path / proof).read_text())
        document["tensor"]["name"] = "c"
        (tmp_path / proof).write_text(json.dumps(document))
        ran = run("proof", "check", proof, "--root", root)
        assert (ran.code, "does not lead to the root" in ran.out) == (1, True)

    def test_nobody_attests_other_weights(self, run: Run, proof: str, tmp_path: Path) -> None:
        write(tmp_path / "other.safetensors", {"b": [9.0]})
        run("proof", "make", "other.safetensors", "--tensor", "b", "--output", "other.json")
        ran = run("proof", "check", "other.json", "--bundle", "model.provenance", "--trust", "trust.yaml")
        assert (ran.code, "no trusted producer attests" in ran.out) == (1, True)

    def test_recalled_weights_prove_nothing(self, run: Run, proof: str, root: str, tmp_path: Path) -> None:
        trust = tmp_path / "trust.yaml"
        trust.write_text(trust.read_text() + f'revoked:\n  artifacts: ["tensorTree:{root}"]\n')
        ran = run("proof", "check", proof, "--bundle", "model.provenance", "--trust", "trust.yaml")
        assert (ran.code, "recalls" in ran.out) == (1, True)

    @pytest.mark.parametrize("arguments", [
        (), ("--bundle", "model.provenance"), ("--trust", "trust.yaml"), ("--root", "xyz"), ("--root", "A" * 64),
        ("--root", "0" * 64, "--bundle", "model.provenance", "--trust", "trust.yaml"),
    ])
    def test_a_root_comes_from_one_place(self, run: Run, proof: str, arguments: tuple[str, ...]) -> None:
        ran = run("proof", "check", proof, *arguments)
        assert (ran.code, "[usage]" in ran.err) == (2, True)

    @pytest.mark.parametrize("content", [
        "", "{}", "[]", '{"schemaVersion": "0.1"}', '{"root": NaN}', "x" * (1 << 20),
    ])
    def test_what_is_no_proof_is_no_answer(self, run: Run, tmp_path: Path, content: str) -> None:
        (tmp_path / "proof.json").write_text(content)
        assert run("proof", "check", "proof.json", "--root", "0" * 64).code == 2
        assert run("proof", "check", "nowhere.json", "--root", "0" * 64).code == 2

    def test_what_is_not_there_cannot_be_proven(self, run: Run, model: Path) -> None:
        assert "[tensor-missing]" in run("proof", "make", "model", "--tensor", "zz").err
        assert "[folder-has-no-weights]" in run("proof", "make", "model/config.json", "--tensor", "a").err
