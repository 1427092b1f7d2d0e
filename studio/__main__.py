"""`python -m studio` is `studio`."""

import sys

from studio.cli.main import main

sys.exit(main())
