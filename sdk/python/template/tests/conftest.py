"""Where the tests find the plugin and the SDK's copy."""

import sys
from pathlib import Path

FOLDER = Path(__file__).parent.parent
sys.path[:0] = [str(FOLDER), str(FOLDER / "omega-plugin-sdk" / "src")]
