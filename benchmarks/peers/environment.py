"""An environment for google/neural-tangents, which needs an older JAX.

    python -m benchmarks.peers.environment [FOLDER]

makes it where it is missing (3 GB, minutes) and prints its Python; benchmarks that need it make it themselves.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = ["neural-tangents==0.6.5", "jax==0.5.3", "jaxlib==0.5.3", "tf2jax==0.3.7"]
DEFAULT = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "symntk" / "neural-tangents"


def environment(folder: Path) -> Path:
    """The Python of an environment with neural-tangents, made where it is missing."""
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(f"making an environment for {', '.join(REQUIREMENTS)} in {folder} (3 GB, minutes)", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
        (folder / "complete").touch()
    return python


if __name__ == "__main__":
    print(environment(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT))
