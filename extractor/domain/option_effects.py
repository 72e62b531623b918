"""Options that have no effect in combination with the other options. Pure: no I/O.

Messages and command lines that give one are refused, with the reason. Settings are not: they are defaults,
and a message may choose the strategy, format or detector that uses them. The worker logs them at its start.
"""

from collections.abc import Callable, Collection, Mapping

from msgspec.structs import asdict

from extractor.domain.policy import SamplingPolicy

_WIRE_NAMES = {"interval_seconds": "interval", "tolerance_seconds": "tolerance"}
_SETTING_NAMES = {
    "interval_seconds": "FRAME_INTERVAL",
    "fps": "EXTRACT_FPS",
    "tolerance_seconds": "TOLERANCE",
}


class NoEffectError(ValueError):
    """Options have no effect.

    Attributes:
        reasons: Why each option has no effect, by the name of its field.
    """

    def __init__(self, reasons: Mapping[str, str]) -> None:
        self.reasons = reasons
        super().__init__(self.told(wire_name))

    def told(self, name_of: Callable[[str], str]) -> str:
        """Return one line of text, with the names that `name_of` gives to the options."""
        return "; ".join(f"{name_of(field)}: has no effect: {why}" for field, why in self.reasons.items())


def refuse_without_effect(policy: SamplingPolicy, given: Collection[str]) -> None:
    """Check that every given option has an effect.

    Args:
        policy: The policy with all options applied.
        given: Field names of the options, or ``fps``.

    Raises:
        NoEffectError: Some have none.
    """
    reasons = {field: why for field in given if (why := _why_without_effect(field, policy))}
    if reasons:
        raise NoEffectError(reasons)


def not_default(policy: SamplingPolicy) -> set[str]:
    """Return the fields that differ from their defaults."""
    defaults = asdict(SamplingPolicy())
    return {field for field, value in asdict(policy).items() if value != defaults[field]}


def wire_name(field: str) -> str:
    """Return the name of the field in a message."""
    return _WIRE_NAMES.get(field, field)


def flag_name(field: str) -> str:
    """Return the name of the flag on a command line."""
    return "--" + wire_name(field).replace("_", "-")


def setting_name(field: str) -> str:
    """Return the name of the setting in the environment."""
    return _SETTING_NAMES.get(field, field.upper())


def _why_without_effect(field: str, policy: SamplingPolicy) -> str | None:
    """Return why the option has no effect; ``None`` if it has one."""
    strategy = f"the strategy is {policy.strategy!r}"
    match field:
        case "interval_seconds" | "fps" if policy.strategy != "uniform":
            return f"{strategy}; only 'uniform' has an interval"
        case "tolerance_seconds" if policy.strategy not in ("uniform", "timestamps"):
            return f"{strategy}; only 'uniform' and 'timestamps' have exact times"
        case "scene_frame" if policy.strategy != "scene":
            return f"{strategy}; only 'scene' takes one frame of each scene"
        case "scene_threshold" if policy.detector is None:
            return "no scene detector is chosen"
        case "max_frames_mode" if policy.max_frames is None:
            return "max_frames sets no limit"
        case "quality" if policy.image_format == "png":
            return "PNG is lossless"
    return None
