"""Print what Home Assistant's own set-up and the integrations named would install with pip.

Runs inside the root that scripts/homeassistant-build makes, where `homeassistant` is installed;
with it, Home Assistant starts without installing anything.
"""

import importlib
import json
import sys
from pathlib import Path


def main() -> None:
    """Follow the manifests of the integrations and of all that they need."""
    bootstrap = importlib.import_module("homeassistant.bootstrap")
    components = Path(bootstrap.__file__ or "").parent / "components"
    waiting = {*bootstrap.DEFAULT_INTEGRATIONS, *bootstrap.CORE_INTEGRATIONS}
    waiting |= {"isal", "logger", "network", "system_log", *sys.argv[1:]}
    seen: set[str] = set()
    requirements: set[str] = set()
    while waiting:
        name = waiting.pop()
        manifest = components / name / "manifest.json"
        if name in seen or not manifest.exists():
            continue
        seen.add(name)
        facts = json.loads(manifest.read_text())
        requirements.update(facts.get("requirements", []))
        waiting.update(facts.get("dependencies", []))
    sys.stdout.write("\n".join(sorted(requirements)) + "\n")


if __name__ == "__main__":
    main()
