"""`python -m mcpump` is the command `mcpump`."""

import sys

from mcpump.cli import main

sys.exit(main())
