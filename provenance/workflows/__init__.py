"""Floor 7, the verbs: everything that the command line does, as documented functions that print nothing."""
