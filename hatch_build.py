"""Builds the faces into the wheel, so that who installs Pratique needs no Node."""

import subprocess
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Faces(BuildHookInterface):
    """Runs the front-end build once; an editable install leaves it to `make`."""

    def initialize(self, version: str, build_data: dict) -> None:
        root = Path(self.root)
        if version == "editable" or (root / "src/pratique/web/static/manifest.json").exists():
            return
        for step in (["npm", "ci"], ["npm", "run", "build"]):
            subprocess.run(step, cwd=root / "web", check=True)
