"""Floor 1, bytes to digests: what an artefact is, known by its bytes alone."""
