"""Readers of weight containers: where the bytes of each tensor lie in a file, without running anything in it."""
