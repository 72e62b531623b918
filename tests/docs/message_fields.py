"""The fields of a message as the reference page shows them: name, other names, values."""

from typing import Any

from pydantic import AliasChoices

from extractor.domain.video_message import VideoMessage


def message_rows() -> dict[str, tuple[str, str]]:
    """By the name of each field: its other names and its values, as cells of a Markdown table."""
    shown = VideoMessage.model_json_schema()["properties"]
    rows = {}
    for name, field in VideoMessage.model_fields.items():
        if name == "part":
            continue  # only a worker sends it
        alias = field.validation_alias
        names = [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else [name]
        others = ", ".join(f"`{other}`" for other in names[1:])
        rows[names[0]] = (others, _values(shown[names[0]]))
    return rows


def _values(schema: dict[str, Any]) -> str:
    schema = next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), schema)
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "pattern" in schema:
        pattern = str(schema["pattern"]).removeprefix(r"\A").removesuffix(r"\z")
        return f"text, `{pattern}`"
    if schema["type"] == "array":
        least, most = (schema.get(f"{end}Items", schema.get(f"{end}Length")) for end in ("min", "max"))
        item = "whole numbers" if schema["items"]["type"] == "integer" else "numbers"
        return f"list of {least} to {most:,} {item}"
    kind = {"number": "number", "integer": "whole number", "boolean": "`true` or `false`", "string": "text"}
    return kind[schema["type"]] + _bounds(schema)


def _bounds(schema: dict[str, Any]) -> str:
    least, above, most = (schema.get(name) for name in ("minimum", "exclusiveMinimum", "maximum"))
    if above is not None:
        return f" above {above:,}" + (f", at most {most:,}" if most is not None else "")
    if least is not None and most is not None:
        return f", {least:,} to {most:,}"
    return f", at least {least:,}" if least is not None else ""
