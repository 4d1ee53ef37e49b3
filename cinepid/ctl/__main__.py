"""`cinepictl`, and `python -m cinepid.ctl`."""

import sys

from cinepid.ctl.program import main

if __name__ == "__main__":
    sys.exit(main())
