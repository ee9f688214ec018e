"""Floor 3, claims and signatures: envelopes, signers, trust, and the one place that verifies."""
