"""The parts of an inventory: what there is to list, what is said of each, and what was finished before."""
