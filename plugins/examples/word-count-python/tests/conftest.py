"""Where the tests find the plugin; `pip install -e sdk/python` or PYTHONPATH brings the SDK."""

import sys
from pathlib import Path

FOLDER = Path(__file__).parent.parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parents[2] / "sdk/python/src")]
