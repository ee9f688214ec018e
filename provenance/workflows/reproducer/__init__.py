"""The parts of a reproduction: what is attested, how it compares, what is restored, and what is reported."""
