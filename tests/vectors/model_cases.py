"""Models and what OMS v1.0 says of them: what signing them gives, and how they compare with a signature.

    sign/NAME.json     model, options -> the statement, or the code that refuses
    verify/NAME.json   model, bundle, options -> status, whether it verifies, findings, and coverage beside it

A model is written down as texts by path, `links` by path, and `hexFiles` by the hex of names that are no UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import oms
from making import Json, Maker, changed, put
from reference import compact, pretty

# At several depths, one of them empty, one longer than any shard below.
FILES = {"README.md": "# m\n", "config.json": "{}\n", "empty": "", "sub/weights.bin": "0123456789"}
SHARD = 4


@dataclass(frozen=True)
class Model:
    """A folder, or, with `alone`, the one file in it."""

    files: Mapping[str, str] = field(default_factory=lambda: dict(FILES))
    links: Mapping[str, str] = field(default_factory=dict)
    hex_files: Mapping[str, str] = field(default_factory=dict)
    alone: bool = False
    name: str = "m"

    def but(self, path: str, text: str | None) -> Model:
        """With one file changed, added, or (None) removed."""
        files = {name: content for name, content in {**self.files, path: text}.items() if content is not None}
        return Model(files, self.links, self.hex_files, self.alone, self.name)

    @property
    def signed(self) -> dict[str, bytes]:
        """The files as bytes, as they are listed."""
        return {path: text.encode() for path, text in self.files.items()}

    def to_dict(self) -> Json:
        """As the vectors spell it."""
        more: Json = {"links": dict(self.links)} if self.links else {}
        more |= {"hexFiles": dict(self.hex_files)} if self.hex_files else {}
        return {"name": self.name, "alone": self.alone, "files": dict(self.files)} | more


def files(maker: Maker) -> Iterator[tuple[str, bytes]]:
    """Every file below `oms/`."""
    for name, rule, model, options, expected in _signing():
        yield f"sign/{name}.json", pretty({"rule": rule, "model": model.to_dict(), "options": options,
                                           "expected": expected})
    for name, case in _verifying():
        bundle = maker.envelope(compact(case.statement))
        yield f"verify/{name}.json", pretty({
            "rule": case.rule, "model": case.model.to_dict(), "options": dict(case.options), "bundle": bundle,
            "expected": {"status": "VALID", "verified": not case.findings, "findings": case.findings,
                         "coverage": {"complete": not case.uncovered, "uncovered": case.uncovered,
                                      "leftOut": case.left_out}},
        })


Signing = tuple[str, str, Model, Json, Json]


def _signing() -> Iterator[Signing]:
    plain = Model()
    for algorithm in ("sha256", "blake2b", "blake3"):
        listed = oms.statement(plain.signed, "m", algorithm=algorithm)
        yield _signs(f"files-{algorithm}", f"a row a file, by {algorithm} (6.3.1)", plain, listed, hash=algorithm)
        cut = oms.statement(plain.signed, "m", algorithm=algorithm, shard_size=SHARD)
        yield _signs(f"shards-{algorithm}", f"a row a shard, no empty one, by {algorithm} (6.3.2)", plain, cut,
                     method="shards", hash=algorithm, shardSize=SHARD)
    by_default = oms.statement(plain.signed, "m", shard_size=1_000_000_000)
    yield _signs("shards-by-default", "a shard has 1,000,000,000 bytes where nobody says (6.3.2)", plain, by_default,
                 method="shards")
    exact = Model({"w": "01234567"})
    yield _signs("shards-exact", "a file of whole shards has no empty one at its end (6.3.2)", exact,
                 oms.statement(exact.signed, "m", shard_size=SHARD), method="shards", shardSize=SHARD)
    yield from _signing_names()
    yield from _signing_exclusions()
    for name, rule, model, code, options in (
        ("empty", "an empty model is refused (6.1)", Model({}), "folder-empty", {}),
        ("only-defaults", "a model of what is left out is empty (6.1)", Model({".git/config": "x"}),
         "folder-empty", {}),
        ("only-ignored", "a model of what is ignored is empty (6.1)", plain, "folder-empty",
         {"ignorePaths": list(FILES)}),
        ("shards-only-empty", "empty files have no shards, and a list has a row (5.2.1, 6.3.2)", Model({"a": ""}),
         "folder-empty", {"method": "shards"}),
        ("link", "links are refused (6.1.1)", Model(links={"latest": "config.json"}), "file-is-symlink", {}),
        ("link-to-folder", "links are refused (6.1.1)", Model(links={"latest": "sub"}), "file-is-symlink", {}),
        ("not-utf-8", "names are UTF-8 (6.1.2)", Model(hex_files={"77ff": "x"}), "file-name-invalid", {}),
        ("ignore-glob", "no globs (6.2.1)", plain, "usage", {"ignorePaths": ["*.md"]}),
        ("ignore-absolute", "no absolute paths (6.2.1)", plain, "usage", {"ignorePaths": ["/sub"]}),
        ("ignore-parent", "no way out (6.2.1)", plain, "usage", {"ignorePaths": ["sub/../.."]}),
        ("shard-size-zero", "a size is positive (5.2.2)", plain, "usage", {"method": "shards", "shardSize": 0}),
        ("shard-size-without-shards", "files have no shard size (5.2.2)", plain, "usage", {"shardSize": SHARD}),
    ):
        yield name, rule, model, options, {"code": code}


def _signs(name: str, rule: str, model: Model, statement: Json, **options: Any) -> Signing:
    return name, rule, model, options, {"statement": statement}


def _signing_names() -> Iterator[Signing]:
    odd = Model({"a/z.bin": "z", "a.txt": "a", "a-c": "c", "é": "1", "Z": "2", "ab:0:9": "3", "deep/er/x": "4"})
    yield _signs("sorted", "rows are sorted by code points (5.2.1)", odd, oms.statement(odd.signed, "m"))
    yield _signs("sorted-shards", "shards are sorted by their whole names (6.4)", Model({"w": "0" * 120, "w2": "x"}),
                 oms.statement(Model({"w": "0" * 120, "w2": "x"}).signed, "m", shard_size=SHARD),
                 method="shards", shardSize=SHARD)
    cases = Model({"Model.bin": "1", "model.bin": "2", "e\u0301": "3", "é": "4"})
    yield _signs("names-byte-exact", "names that differ in case or normal form are two (6.1.2)", cases,
                 oms.statement(cases.signed, "m"))
    lone = Model({"model.bin": "0123456789"}, alone=True, name="model.bin")
    yield _signs("lone-file", "a lone file has its base name (6.1.2, 6.5)", lone,
                 oms.statement(lone.signed, "model.bin"))
    yield _signs("lone-file-shards", "and so do its shards", lone,
                 oms.statement(lone.signed, "model.bin", shard_size=SHARD), method="shards", shardSize=SHARD)


def _signing_exclusions() -> Iterator[Signing]:
    git = {".git/config": "g", ".github/ci.yml": "g", ".gitattributes": "g", ".gitignore": "g"}
    nested = {"sub/.git/config": "n", "sub/.gitignore": "n", ".gitmodules": "n"}
    yield _signs("defaults", "the defaults are left out at the top, and nowhere else (6.2, 6.2.1)",
                 Model(dict(FILES) | git | nested), oms.statement(Model(dict(FILES) | nested).signed, "m"))
    logs = {"logs/run.txt": "l", "logs/deep/er.txt": "l", "sub/logs/kept.txt": "k", "logs.txt": "k"}
    kept = {path: text for path, text in logs.items() if text == "k"}
    yield _signs("ignored", "a path and what is beneath it, from the top (6.2.1)", Model(dict(FILES) | logs),
                 oms.statement(Model(dict(FILES) | kept).signed, "m", ignored=["logs"]), ignorePaths=["logs/"])
    yield _signs("ignored-link", "what is left out may be a link (6.1)", Model(links={"tmp/latest": "../config.json"}),
                 oms.statement(Model().signed, "m", ignored=["tmp"]), ignorePaths=["tmp"])
    old = Model(dict(FILES) | {"model.sig": "an old one"})
    yield _signs("bundle-inside", "the signature is no part of what it signs, and says so (6.2)", old,
                 oms.statement(Model().signed, "m", ignored=["model.sig"]), bundle="model.sig")


Row = list[str]


@dataclass(frozen=True)
class Case:
    """A statement by `lab`, a model, and what comes out: (code, path) of each finding, (code, risk, path) uncovered."""

    rule: str
    statement: Json
    model: Model = field(default_factory=Model)
    findings: list[Row] = field(default_factory=list)
    uncovered: list[Row] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    options: Mapping[str, Any] = field(default_factory=dict)


PLAIN = Model()
SIGNED = oms.statement(PLAIN.signed, "m")
CUT = oms.statement(PLAIN.signed, "m", shard_size=SHARD)
MISMATCH, MISSING, UNSIGNED = "file-mismatch", "file-missing", "file-not-covered"
WEIGHTS = "sub/weights.bin"
EMPTY = ["file-empty", "other", "empty"]


def _verifying() -> Iterator[tuple[str, Case]]:
    yield from _same()
    yield from _changed()
    yield from _shards()
    yield from _exclusions()
    yield from _links()
    yield from _names()


def _same() -> Iterator[tuple[str, Case]]:
    for algorithm in ("sha256", "blake2b", "blake3"):
        signed = oms.statement(PLAIN.signed, "m", algorithm=algorithm)
        yield f"files-{algorithm}", Case(f"the signed hash decides: {algorithm} (5.2.2, 8.4)", signed)
        cut = oms.statement(PLAIN.signed, "m", algorithm=algorithm, shard_size=SHARD)
        yield f"shards-{algorithm}", Case(f"the signed method and size decide: shards by {algorithm} (6.3.2, 8.4)", cut,
                                          uncovered=[EMPTY])
    yield "subject-name", Case("the subject's name says nothing (6.5)", oms.statement(PLAIN.signed, "another"))
    yield "digests-v0.1", Case("release 0.2.0 is read by the same rules (11.2)", oms.digests_v0_1(PLAIN.signed))
    yield "bundle-inside", Case("a signature in the model is not part of it (6.2)", SIGNED, options={"bundle": "x.sig"})


def _changed() -> Iterator[tuple[str, Case]]:
    swapped = PLAIN.but("README.md", FILES["config.json"]).but("config.json", FILES["README.md"])
    config, readme = [MISMATCH, "configuration", "config.json"], [MISMATCH, "other", "README.md"]
    for name, rule, model, found, uncovered in (
        ("changed", "a changed file", PLAIN.but("config.json", "[]\n"), [[MISMATCH, "config.json"]], [config]),
        ("emptied", "a file that became empty", PLAIN.but("config.json", ""), [[MISMATCH, "config.json"]], [config]),
        ("removed", "a file that is gone", PLAIN.but("empty", None), [[MISSING, "empty"]], []),
        ("exchanged", "two files exchanged, the root being the same", swapped,
         [[MISMATCH, "README.md"], [MISMATCH, "config.json"]], [config, readme]),
        ("renamed", "a renamed file, the root being the same",
         PLAIN.but("config.json", None).but("config2.json", "{}\n"),
         [[MISSING, "config.json"], [UNSIGNED, "config2.json"]],
         [[UNSIGNED, "configuration", "config2.json"]]),
        ("unsigned", "an additional file (8.5)", PLAIN.but("sub/run.py", "x"), [[UNSIGNED, "sub/run.py"]],
         [[UNSIGNED, "code", "sub/run.py"]]),
        ("unsigned-hidden", "an additional hidden file (8.5)", PLAIN.but(".x", "x"), [[UNSIGNED, ".x"]],
         [[UNSIGNED, "other", ".x"]]),
    ):
        yield name, Case(rule, SIGNED, model, found, uncovered)
    package = Model(dict(FILES) | {"__init__.py": ""})
    yield "unsigned-empty", Case("an additional empty file (8.5)", SIGNED, package, [[UNSIGNED, "__init__.py"]],
                                 [[UNSIGNED, "code", "__init__.py"]])
    yield "digests-v0.1-unsigned", Case("release 0.2.0 lists every file too (8.4)", oms.digests_v0_1(PLAIN.signed),
                                        PLAIN.but("x", "x"), [[UNSIGNED, "x"]], [[UNSIGNED, "other", "x"]])
    extra = PLAIN.but("x", "x")
    yield "unsigned-allowed", Case("additional files are let through where that is asked for (8.5)", SIGNED, extra,
                                   uncovered=[[UNSIGNED, "other", "x"]], options={"ignoreUnsigned": True})
    yield "unsigned-allowed-changed", Case(
        "and listed ones are held to the list all the same (8.5)", SIGNED, extra.but("config.json", "[]\n"),
        [[MISMATCH, "config.json"]], [config, [UNSIGNED, "other", "x"]], options={"ignoreUnsigned": True})


def _shards() -> Iterator[tuple[str, Case]]:
    weights = [MISMATCH, "weights", WEIGHTS]
    for name, rule, text in (
        ("first", "a byte of the first shard", "x123456789"), ("last", "a byte of the last shard", "012345678x"),
        ("longer", "a longer file, all its shards being there", "0123456789ab"),
        ("shorter", "a file without its last shard", "01234567"), ("moved", "shards in another order", "4567012389"),
    ):
        yield f"shards-{name}", Case(f"{rule} (6.3.2)", CUT, PLAIN.but(WEIGHTS, text),
                                     [[MISMATCH, WEIGHTS]], [weights, EMPTY])
    yield "shards-removed", Case("a file that is gone (8.4)", CUT, PLAIN.but(WEIGHTS, None),
                                 [[MISSING, WEIGHTS]], [EMPTY])
    yield "shards-unsigned", Case("an additional file (8.5)", CUT, PLAIN.but("x", "x"), [[UNSIGNED, "x"]],
                                  [EMPTY, [UNSIGNED, "other", "x"]])
    package = Model(dict(FILES) | {"__init__.py": ""})
    yield "shards-unsigned-empty", Case("an empty file has no shard: only coverage tells of it (6.3.2)", CUT, package,
                                        uncovered=[["file-empty", "code", "__init__.py"], EMPTY])


def _exclusions() -> Iterator[tuple[str, Case]]:
    git = Model(dict(FILES) | {".git/config": "g", ".gitattributes": "g"})
    yield "defaults", Case("the defaults may be there (6.2)", SIGNED, git, left_out=[".git/config", ".gitattributes"])
    bare = oms.statement(PLAIN.signed, "m", ignored=None)
    yield "defaults-unsaid", Case("also where the signature does not name them (11.2)", bare, git,
                                  left_out=[".git/config", ".gitattributes"])
    nested = Model(dict(FILES) | {"sub/.git/hook.sh": "n"})
    yield "defaults-nested", Case("at the top alone (6.2.1)", SIGNED, nested, [[UNSIGNED, "sub/.git/hook.sh"]],
                                  [[UNSIGNED, "code", "sub/.git/hook.sh"]])
    prefix = Model(dict(FILES) | {".gitattributes.py": "n"})
    yield "defaults-prefix", Case("by their whole names (6.2.1)", SIGNED, prefix, [[UNSIGNED, ".gitattributes.py"]],
                                  [[UNSIGNED, "code", ".gitattributes.py"]])
    ignoring = oms.statement(PLAIN.signed, "m", ignored=["logs", "generation_config.json"])
    logs = Model(dict(FILES) | {"logs/deep/run.py": "x", "generation_config.json": "{}"})
    yield "ignored", Case("the signed list decides what may be there; coverage takes no word of it (6.2.1)", ignoring,
                          logs, uncovered=[["file-ignored", "code", "logs/deep/run.py"],
                                           ["file-ignored", "configuration", "generation_config.json"]])
    beside = Model(dict(FILES) | {"sub/logs/x": "x", "logs.txt": "x"})
    yield "ignored-elsewhere", Case(
        "from the top, by whole names (6.2.1)", ignoring, beside, [[UNSIGNED, "logs.txt"], [UNSIGNED, "sub/logs/x"]],
        [[UNSIGNED, "configuration", "logs.txt"], [UNSIGNED, "other", "sub/logs/x"]])
    listed = oms.statement(PLAIN.signed, "m", ignored=["sub"])
    yield "ignored-listed", Case("what is listed is held to the list, ignored or not (8.4)", listed,
                                 PLAIN.but(WEIGHTS, "x"), [[MISMATCH, WEIGHTS]],
                                 [[MISMATCH, "weights", WEIGHTS]])
    yield "ignored-by-verifier", Case("whoever verifies may ignore more (6.2)", SIGNED, PLAIN.but("notes", "x"),
                                      uncovered=[[UNSIGNED, "other", "notes"]], options={"ignorePaths": ["notes"]})


def _links() -> Iterator[tuple[str, Case]]:
    link = "file-is-symlink"
    latest = Model(links={"latest.json": "config.json"})
    yield "link", Case("no links where the signature does not allow them (6.1.1)", SIGNED, latest,
                       [[link, "latest.json"]], [[link, "configuration", "latest.json"]])
    listed = oms.statement(PLAIN.signed | {"latest.json": b"{}\n"}, "m", links=True)
    yield "link-allowed", Case("a link is what it leads to, where the signature allows it; coverage does not (6.1.1)",
                               listed, latest, uncovered=[[link, "configuration", "latest.json"]])
    yield "link-allowed-changed", Case(
        "and is held to the list (6.1.1)", listed, Model(latest.files, {"latest.json": "README.md"}),
        [[MISMATCH, "latest.json"]], [[link, "configuration", "latest.json"]])
    yield "link-allowed-unsigned", Case(
        "a link that is not listed is an additional file (8.5)", oms.statement(PLAIN.signed, "m", links=True), latest,
        [[UNSIGNED, "latest.json"]], [[link, "configuration", "latest.json"]])
    for name, target in (("outside", "../outside.json"), ("nowhere", "nothing"), ("absolute", "/etc/hostname")):
        yield f"link-{name}", Case("a link leads to something in the model (6.1.1)", listed,
                                   Model(links={"latest.json": target}),
                                   [[link, "latest.json"], [MISSING, "latest.json"]],
                                   [[link, "configuration", "latest.json"]])
    folder = oms.statement(PLAIN.signed | {"copy/weights.bin": b"0123456789"}, "m", links=True)
    yield "link-to-folder", Case("a link to a folder is the files in it (6.1.1)", folder, Model(links={"copy": "sub"}),
                                 uncovered=[[link, "other", "copy"]])
    circle = oms.statement(PLAIN.signed, "m", links=True)
    yield "link-circle", Case("a link to what it lies in is none (6.1.1)", circle, Model(links={"sub/up": "../sub"}),
                              [[link, "sub/up"]], [[link, "other", "sub/up"]])


def _names() -> Iterator[tuple[str, Case]]:
    upper = Model(dict(FILES) | {"Model.bin": "1"})
    signed = oms.statement(upper.signed, "m")
    lower = Model(dict(FILES) | {"model.bin": "1"})
    yield "case", Case("names are compared byte by byte (6.1.2)", signed, lower,
                       [[MISSING, "Model.bin"], [UNSIGNED, "model.bin"]], [[UNSIGNED, "weights", "model.bin"]])
    composed = Model(dict(FILES) | {"é.bin": "1"})
    yield "normal-form", Case(
        "and not by normal forms (6.1.2)", oms.statement(composed.signed, "m"),
        Model(dict(FILES) | {"e\u0301.bin": "1"}),
        [[MISSING, "é.bin"], [UNSIGNED, "e\u0301.bin"]], [[UNSIGNED, "weights", "e\u0301.bin"]])
    both = Model(dict(FILES) | {"Model.bin": "1", "model.bin": "2"})
    collides = "file-name-collides"
    yield "collision", Case("names that differ in case are two; coverage tells of both (6.1.2)",
                            oms.statement(both.signed, "m"), both,
                            uncovered=[[collides, "weights", "Model.bin"], [collides, "weights", "model.bin"]])
    lone = Model({"model.bin": "0123456789"}, alone=True, name="model.bin")
    yield "lone-file", Case("a lone file by its name (6.1.2)", oms.statement(lone.signed, "model.bin"), lone)
    renamed = Model({"other.bin": "0123456789"}, alone=True, name="other.bin")
    yield "lone-file-renamed", Case("and by no other (6.1.2)", oms.statement(lone.signed, "model.bin"), renamed,
                                    [[MISSING, "model.bin"], [UNSIGNED, "other.bin"]],
                                    [[UNSIGNED, "weights", "other.bin"]])
    dot = oms.statement({".": b"0123456789"}, "model.bin", ignored=None)
    yield "lone-file-dot", Case("an early release called it a dot (11.2)", dot, renamed)
    yield "lone-file-dot-changed", Case("and held it to its digest", dot, renamed.but("other.bin", "x"),
                                        [[MISMATCH, "other.bin"]], [[MISMATCH, "weights", "other.bin"]])
    cut = oms.statement({".": b"0123456789"}, "model.bin", shard_size=SHARD)
    yield "lone-file-dot-shards", Case("also in shards", cut, renamed)
    yield "not-a-folder", Case("a dot is no name in a folder", changed(dot, put("subject", 0, "name", to="m")), PLAIN,
                               [[MISSING, "."], *([UNSIGNED, path] for path in FILES)],
                               [[UNSIGNED, "configuration", "config.json"], [UNSIGNED, "weights", WEIGHTS],
                                [UNSIGNED, "other", "README.md"], [UNSIGNED, "other", "empty"]])
