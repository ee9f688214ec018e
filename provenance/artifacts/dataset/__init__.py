"""Datasets by their records: schema, canonical encoding, tree, and proofs (`attestations/dataset-tree.md`)."""
