"""Where artefacts lie: one file a kind of place."""
