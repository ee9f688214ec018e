"""YAML that people write by hand, read and written so that comments, order and quotes stay."""

from __future__ import annotations

import io
from typing import Any


def to_yaml(document: Any) -> bytes:
    """A document as `round_trip` read it and somebody changed it."""
    from ruamel.yaml.scalarstring import LiteralScalarString

    def readable(value: Any) -> Any:
        """Texts of several lines as blocks; in place, because comments hang on the mappings and lists themselves."""
        for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
            if isinstance(item, dict | list):
                readable(item)
            elif type(item) is str and "\n" in item:
                value[key] = LiteralScalarString(item)
        return value

    out = io.BytesIO()
    round_trip().dump(readable(document), out)
    return out.getvalue()


def round_trip() -> Any:
    """ruamel.yaml, reading and writing so that what is not changed stays as it was written.

    A time stays the text that it is: as a timestamp it would come back in another spelling.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.nodes import ScalarNode
    from ruamel.yaml.resolver import VersionedResolver

    class Resolver(VersionedResolver):
        """Takes a time for the text that was written."""

        def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
            """A text where ruamel.yaml would see a timestamp."""
            tag = super().resolve(kind, value, implicit)
            return self.DEFAULT_SCALAR_TAG if kind is ScalarNode and str(tag).endswith(":timestamp") else tag

    yaml = YAML()
    yaml.Resolver = Resolver
    yaml.preserve_quotes = True
    yaml.width = 1 << 16
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml
