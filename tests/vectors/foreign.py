"""Statements of other tools in envelopes: provenance of builders, links, verdicts, reports."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from making import Json, changed, drop, put
from reference import compact, h

if TYPE_CHECKING:
    from evidence import Wrapping

FILE = {"name": "w.safetensors", "digest": {"sha256": h(b"weights").hex()}}
COMMIT = {"uri": "git+https://example.org/train", "digest": {"sha1": h(b"commit").hex()[:40]}}
WITNESS = "https://witness.dev/attestations/"


@dataclass(frozen=True)
class Piece:
    """The answer for one piece of a file; `FILE` in its name stands for the file's."""

    name: str
    status: str
    code: str
    signer: str | None = None


Answered = tuple[str, bytes, str, list[Piece]]


def refused(status: str, code: str, signer: str | None = None) -> tuple[str, str, str | None]:
    """The end of a piece that is not believed."""
    return status, code, signer


def statement(kind: str, predicate: Any, *subjects: Json, version: str = "v1") -> Json:
    """A statement about weights, or about what is given."""
    return copy.deepcopy({"_type": f"https://in-toto.io/Statement/{version}", "subject": list(subjects) or [FILE],
                          "predicateType": kind, "predicate": predicate})


def actions() -> Json:
    """What GitHub's builder says."""
    return statement("https://slsa.dev/provenance/v1", {
        "buildDefinition": {"buildType": "https://actions.github.io/buildtypes/workflow/v1",
                            "externalParameters": {"workflow": {"path": ".github/workflows/train.yml"}},
                            "resolvedDependencies": [{**COMMIT, "digest": {"gitCommit": COMMIT["digest"]["sha1"]}}]},
        "runDetails": {"builder": {"id": "https://example.org/train.yml"}, "metadata": {"invocationId": "1"}}})


def tekton() -> Json:
    """Provenance v0.2 in a Statement v0.1."""
    return statement("https://slsa.dev/provenance/v0.2", {
        "builder": {"id": "https://tekton.dev/chains/v2"}, "buildType": "tekton.dev/v1beta1/TaskRun",
        "invocation": {"configSource": {}}, "materials": [COMMIT],
        "metadata": {"buildStartedOn": "2026-11-23T10:00:00Z", "buildFinishedOn": "2026-11-23T10:01:00Z"}},
        version="v0.1")


def witness() -> Json:
    """A collection, whose subjects name a commit too."""
    sha1 = {"name": f"{WITNESS}git/v0.1/commithash:1", "digest": COMMIT["digest"]}
    file = {"name": f"{WITNESS}product/v0.1/file:w.safetensors", "digest": FILE["digest"]}
    return statement("https://witness.testifysec.com/attestation-collection/v0.1", {"name": "train", "attestations": [
        {"type": f"{WITNESS}material/v0.1", "attestation": {"train.py": {"sha256": h(b"code").hex()}}},
        {"type": f"{WITNESS}command-run/v0.1", "attestation": {"cmd": ["python", "train.py"], "exitcode": 0}},
        {"type": f"{WITNESS}product/v0.1",
         "attestation": {"w.safetensors": {"mime_type": "x", "digest": FILE["digest"]}}}]}, sha1, file, version="v0.1")


def link() -> Json:
    """Link v0.3."""
    return statement("https://in-toto.io/attestation/link/v0.3", {
        "name": "train", "command": ["python", "train.py"], "byproducts": {}, "environment": {},
        "materials": [{"name": "train.py", "digest": {"sha256": h(b"code").hex()}}]})


def result() -> Json:
    """Simple verification result."""
    return statement("https://in-toto.io/attestation/svr/v0.2", {
        "verifier": {"id": "https://example.org/v", "policies": []}, "timeCreated": "2026-11-23T12:00:00Z",
        "properties": ["SLSA_BUILD_REPRODUCED"]})


def report() -> Json:
    """SCAI."""
    return statement("https://in-toto.io/attestation/scai/v0.3", {"attributes": [{"attribute": "Hermetic"}]})


def image() -> Json:
    """A verdict about what is named by no digest."""
    return statement("https://slsa.dev/verification_summary/v1", {
        "verifier": {"id": "https://example.org/v"}, "timeVerified": "2024-06-12T07:24:34.351608Z",
        "resourceUri": "gce_image://x", "policy": {"uri": "x"}, "verificationResult": "PASSED",
        "verifiedLevels": ["SLSA_BUILD_LEVEL_2"]}, {"name": "_", "digest": {"gce_image_id": "8970095005306000053"}})


def publish() -> Json:
    """What a registry says of an upload: no predicate."""
    return statement("https://docs.pypi.org/attestations/publish/v1", None)


def tested() -> Json:
    """What a test said of it."""
    return statement("https://in-toto.io/attestation/test-result/v0.1", {
        "result": "PASSED", "configuration": [{"name": "tests.yaml", "digest": {"sha256": h(b"tests").hex()}}]})


def reference() -> Json:
    """Where its card lies."""
    return statement("https://in-toto.io/attestation/reference/v0.1", {
        "attester": {"id": "https://example.org/a"}, "references": [
            {"downloadLocation": "https://example.org/card.md", "mediaType": "text/markdown",
             "digest": {"sha256": h(b"card").hex()}}]})


def named(make: Callable[[], Json], kind: str) -> Callable[[], Json]:
    """The same under another name of its type: an older one, or somebody's own."""
    return lambda: make() | {"predicateType": kind}


GOOD = {"slsa-v1.0-of-witness": named(actions, "https://slsa.dev/provenance/v1.0"),
        "svr-v0.1": named(result, "https://in-toto.io/attestation/svr/v0.1"),
        "scai-v0.2": named(report, "https://in-toto.io/attestation/scai/attribute-report/v0.2"),
        "summary-of-conforma": named(image, "https://conforma.dev/verification_summary/v1"),
        "publish-of-npm": named(publish, "https://github.com/npm/attestation/tree/main/specs/publish/v0.1"),
        "test-result": tested, "reference": reference,
        "slsa-v1-of-others": actions, "slsa-v0.2": tekton, "witness": witness, "link-v0.3": link, "svr": result,
        "scai": report, "summary-of-an-image": image, "publish": publish}


def cases(wraps: Wrapping) -> Iterator[Answered]:
    """Each as it should be, and with a flaw."""
    for name, make in GOOD.items():
        yield f"{name}.dsse.json", compact(wraps.dsse(make())), f"a {name} statement of others is read", [
            Piece("FILE", "VALID", "", "lab")]
    weak = {"name": "w", "digest": COMMIT["digest"]}
    command = put("predicate", "attestations", 1, "attestation", "cmd", to="python train.py")
    mismatch, broken, thin = "schema-mismatch", "statement-invalid", "statement-weak-digest"
    for name, value, code, rule in (
        ("slsa-v1-without-parameters", changed(actions(), drop("predicate", "buildDefinition", "externalParameters")),
         mismatch, "provenance v1 has external parameters"),
        ("slsa-v1-without-builder", changed(actions(), drop("predicate", "runDetails", "builder")), mismatch,
         "provenance v1 has a builder"),
        ("slsa-v1-dependency", changed(actions(), put("predicate", "buildDefinition", "resolvedDependencies", 0,
                                                      to="x")), mismatch, "a dependency is an object"),
        ("slsa-v1-weak-subject", actions() | {"subject": [weak]}, thin, "what is made is identified"),
        ("slsa-v0.2-without-builder", changed(tekton(), drop("predicate", "builder")), mismatch,
         "provenance v0.2 has a builder"),
        ("slsa-v0.2-material-digest", changed(tekton(), put("predicate", "materials", 0, "digest", to={"sha1": "1"})),
         broken, "digests have their full length"),
        ("link-v0.3-without-name", changed(link(), drop("predicate", "name")), mismatch, "a link names its step"),
        ("link-v0.3-material", changed(link(), put("predicate", "materials", to={"train.py": {}})), mismatch,
         "materials of link v0.3 are a list"),
        ("witness-without-name", changed(witness(), drop("predicate", "name")), mismatch, "a collection has a name"),
        ("witness-command", changed(witness(), command), broken, "a command is a list of words"),
        ("svr-without-policies", changed(result(), drop("predicate", "verifier", "policies")), mismatch,
         "a result names its policies, if only none"),
        ("scai-without-attributes", changed(report(), put("predicate", "attributes", to=[])), mismatch,
         "a report has an attribute"),
        ("summary-of-others-result", changed(image(), put("predicate", "verificationResult", to="passed")), mismatch,
         "a result is PASSED or FAILED"),
        ("summary-without-policy", changed(image(), drop("predicate", "policy")), mismatch,
         "a summary names its policy"),
    ):
        # Whose predicate breaks its schema has signed all the same; a subject that names nothing is the statement's.
        ending = refused("INVALID", code) if code == thin else refused("VALID", code, "lab")
        yield f"bad-{name}.dsse.json", compact(wraps.dsse(value)), rule, [Piece("FILE", *ending)]
