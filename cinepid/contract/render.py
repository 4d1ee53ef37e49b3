"""The files under `docs/` that are made from the document."""

from pathlib import Path

import yaml

from cinepid.contract.asyncapi import Part, document
from cinepid.contract.reference import reference

_HEADER = "# Made by `make contract` from the code in cinepi/ and cinepid/: do not edit.\n"
_WIDTH = 100


class _Dumper(yaml.SafeDumper):
    """YAML without anchors, for readers and for tools that know none."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def render(folder: Path) -> dict[Path, str]:
    """Every generated file below `folder`, with the text that it should have."""
    contract = document()
    return {
        folder / "asyncapi.yaml": _HEADER + to_yaml(contract),
        folder / "mqtt-reference.md": reference(contract),
    }


def to_yaml(contract: Part) -> str:
    """Spell the document."""
    text: str = yaml.dump(
        contract, Dumper=_Dumper, sort_keys=False, width=_WIDTH, allow_unicode=True
    )
    return text
