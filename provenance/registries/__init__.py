"""Floor 6, verdict to door: where admitted models are kept, one file a registry."""
