"""Makes tests/support importable, and nothing else."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
