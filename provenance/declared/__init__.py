"""Floor 4, documents that anyone could have written: what they declare, in nobody's voice.

A dataset card, a Croissant file, a bill of materials, the lock file of a pipeline, the export of a tracker: each is
read strictly and bounded, nothing is fetched, and whatever is read of it is stated and unsigned, in every line. A file
per format; `reading.read_declared` tells them apart.
"""
