"""`python -m mcpump` is the command `mcpump`."""

import sys

from mcpump.cli.commands import main

sys.exit(main())
