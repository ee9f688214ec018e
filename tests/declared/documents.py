"""One good document of each format, as values that a test changes in one place."""

from __future__ import annotations

import json
from typing import Any

from provenance.declared.document import Declared
from provenance.declared.reading import read_declared

H = "a" * 64
CONTEXT = {
    "@language": "en", "@vocab": "https://schema.org/", "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/", "prov": "http://www.w3.org/ns/prov#", "conformsTo": "dct:conformsTo",
    "md5": "cr:md5", "recordSet": "cr:recordSet",
}


def croissant(**changes: Any) -> dict[str, Any]:
    """Croissant 1.1 of a text."""
    return {
        "@context": CONTEXT, "@type": "sc:Dataset", "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": "tales", "license": "https://creativecommons.org/licenses/by/4.0/", "version": "1.0.0",
        "url": "https://example.org/tales", "creator": {"@type": "sc:Person", "name": "A. Writer"},
        "inLanguage": ["en", "de"], "isAccessibleForFree": True,
        "rai:dataCollection": "written by hand", "rai:dataAnnotationProtocol": "none",
        "rai:dataPreprocessingProtocol": ["cut", "sorted"], "rai:personalSensitiveInformation": ["none"],
        "prov:wasDerivedFrom": {"@id": "https://example.org/older", "prov:label": "older tales"},
        "distribution": [{"@type": "cr:FileObject", "@id": "f", "name": "tales.csv", "sha256": H,
                          "contentUrl": "https://example.org/tales.csv"}],
        **changes,
    }


def cyclonedx(**changes: Any) -> dict[str, Any]:
    """CycloneDX 1.6 of a serving stack with a model and its dataset."""
    return {
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {"component": {"type": "application", "name": "stack", "version": "1"}},
        "components": [
            {"type": "library", "name": "vllm", "version": "0.6.3", "purl": "pkg:pypi/vllm@0.6.3",
             "licenses": [{"license": {"id": "Apache-2.0"}}], "hashes": [{"alg": "SHA-256", "content": H}],
             "components": [{"type": "library", "group": "org", "name": "inner", "version": "2",
                             "licenses": [{"expression": "MIT OR Apache-2.0"}, {"license": {"name": "BSD"}}]}]},
            {"type": "machine-learning-model", "name": "tiny",
             "modelCard": {"modelParameters": {"datasets": [{"ref": "tales"}, {"type": "dataset", "name": "poems"}]}}},
            {"type": "data", "name": "tales", "version": "1", "licenses": [{"license": {"id": "CC0-1.0"}}],
             "data": [{"type": "dataset", "name": "tales", "contents": {"url": "https://example.org/tales"},
                       "sensitiveData": ["none"]}]},
        ],
        **changes,
    }


def spdx2(**changes: Any) -> dict[str, Any]:
    """SPDX 2.3 of a serving stack."""
    return {
        "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "stack",
        "packages": [
            {"name": "vllm", "versionInfo": "0.6.3", "licenseDeclared": "Apache-2.0", "licenseConcluded": "NOASSERTION",
             "primaryPackagePurpose": "LIBRARY", "checksums": [{"algorithm": "SHA256", "checksumValue": H}],
             "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:pypi/vllm@0.6.3"}]},
            {"name": "mixed", "licenseDeclared": "MIT", "licenseConcluded": "GPL-3.0-only"},
            {"name": "silent", "licenseDeclared": "NOASSERTION"},
            {"name": "unlicensed", "licenseDeclared": "NONE", "licenseConcluded": "MIT"},
        ],
        **changes,
    }


def spdx3(**changes: Any) -> dict[str, Any]:
    """SPDX 3.0 with the AI and the dataset profile."""
    return {
        "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
        "@graph": [
            {"type": "ai_AIPackage", "spdxId": "urn:m", "name": "tiny", "software_packageVersion": "1",
             "verifiedUsing": [{"type": "Hash", "algorithm": "sha256", "hashValue": H}]},
            {"type": "dataset_DatasetPackage", "spdxId": "urn:d", "name": "tales", "dataset_datasetType": ["text"],
             "dataset_dataCollectionProcess": "written", "dataset_dataPreprocessing": ["cut"],
             "dataset_datasetAvailability": "directDownload", "dataset_hasSensitivePersonalInformation": "no",
             "software_downloadLocation": "https://example.org/tales",
             "verifiedUsing": [{"type": "Hash", "algorithm": "md5", "hashValue": "b" * 32}]},
            {"type": "software_Package", "spdxId": "urn:p", "name": "vllm", "software_packageVersion": "0.6.3",
             "software_primaryPurpose": "library", "software_packageUrl": "pkg:pypi/vllm@0.6.3"},
            {"type": "simplelicensing_LicenseExpression", "spdxId": "urn:l",
             "simplelicensing_licenseExpression": "Apache-2.0"},
            {"type": "Relationship", "spdxId": "urn:r1", "from": "urn:p", "to": ["urn:l"],
             "relationshipType": "hasDeclaredLicense"},
            {"type": "Relationship", "spdxId": "urn:r2", "from": "urn:d", "to": ["https://spdx.org/licenses/CC0-1.0"],
             "relationshipType": "hasConcludedLicense"},
            {"type": "Relationship", "spdxId": "urn:r3", "from": "urn:m", "to": ["urn:d"],
             "relationshipType": "trainedOn"},
        ],
        **changes,
    }


def mlflow(**changes: Any) -> dict[str, Any]:
    """A run as `runs/get` answers it."""
    return {"run": {
        "info": {"run_id": "r1", "run_name": "swift-owl"},
        "data": {"tags": [{"key": "mlflow.source.git.commit", "value": "c" * 40},
                          {"key": "mlflow.source.name", "value": "train.py"}]},
        "inputs": {"dataset_inputs": [{"tags": [{"key": "mlflow.data.context", "value": "training"}],
                                       "dataset": {"name": "tales", "digest": "1a2b3c4d", "source_type": "local"}}]},
        "outputs": {"model_outputs": [{"model_id": "m-1", "step": 0}]},
        **changes,
    }}


LOCK = """schema: '2.0'
stages:
  train:
    cmd: python train.py
    deps:
    - path: tales.txt
      hash: md5
      md5: %s
      size: 5
    - path: corpus
      md5: 0123456789abcdef0123456789abcdef.dir
      nfiles: 2
    outs:
    - path: model.bin
      md5: %s
"""
CARD = b"""---
pretty_name: Tales
license: [cc-by-4.0, mit]
language: [en]
annotations_creators: [expert-generated]
language_creators: [found]
source_datasets: [original, extended|older]
size_categories: [n<1K]
---
# Tales
"""


def read(document: dict[str, Any]) -> Declared:
    """A JSON document, read as a file is."""
    return read_declared(json.dumps(document).encode(), "document.json")
