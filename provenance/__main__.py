"""`python -m provenance`."""

import sys

# Python puts the working folder first: in a hostile model's folder, its `click.py` would be imported and run (CWE-427).
if not sys.flags.safe_path and sys.path and sys.path[0] != "":
    del sys.path[0]

from provenance.cli import main

if __name__ == "__main__":
    main()
