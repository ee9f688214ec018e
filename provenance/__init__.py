"""Evidence for AI models: how open a model is, and whether the files at hand are really it.

The public doors are `provenance.workflows` (the verbs, as functions that print nothing) and the command
`provenance`. Importing this package loads nothing else, so that the command line answers at once.
"""

__version__ = "0.1.0"
