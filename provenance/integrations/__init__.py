"""Floor 8, where other programs come in: weights loaded from the very bytes that were checked.

    safetensors.py   `load_verified` and `open_verified` into NumPy arrays
    torch.py         the same into PyTorch tensors
    attested.py      what trusted producers attest of weights, as a loader needs it
    matching.py      which of it fits the headers of the files in hand
    shards.py        the files themselves: opened, their headers read, changes noticed
    reading.py       one pass: read into the final memory, hash, compare
"""
