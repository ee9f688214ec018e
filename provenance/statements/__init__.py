"""Floor 2, digests to claims: in-toto statements and the one strict reader of documents."""
