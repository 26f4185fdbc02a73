"""`python -m pratique.gate`: the gate's commands without the rest of the house, for a small box."""

import sys

from pratique.gate.cli import gate

sys.exit(gate())
