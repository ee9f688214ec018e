"""Declared documents: what they declare, or a refusal; and nothing of it in any voice but nobody's."""

from __future__ import annotations

from harness import fuzz

SEEDS = [
    b'{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"name":"a","licenses":[{"license":{"id":"MIT"}}]}]}',
    b'{"spdxVersion":"SPDX-2.3","packages":[{"name":"a","licenseDeclared":"MIT"}]}',
    b'{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[{"type":"ai_AIPackage","name":"m"}]}',
    b'{"@context":{"@vocab":"https://schema.org/"},"@type":"sc:Dataset","conformsTo":"http://mlcommons.org/croissant/1.0"}',
    b'{"run":{"info":{"run_id":"r"},"inputs":{"dataset_inputs":[{"dataset":{"name":"d","digest":"1a2b3c4d"}}]}}}',
    b"---\nlicense: [mit, other]\nsource_datasets: [original]\n---\n",
    b"schema: '2.0'\nstages: {a: {deps: [{path: x, md5: 00}]}}\n",
]


def one_input(data: bytes) -> None:
    """As a file of each name that decides on a format."""
    from provenance.declared.reading import read_declared
    from provenance.errors import StatementError

    for name in ("dvc.lock", "document.json"):
        try:
            found = read_declared(data, name)
        except StatementError:
            continue
        assert all(line.voice == "unsigned" for line in found.lines())
        for dataset in found.datasets:
            dataset.to_statement()


if __name__ == "__main__":
    fuzz(one_input, "provenance.declared")
