"""What a set is made of: a plan file as frozen dataclasses, every mistake named with its field.

A plan is YAML; ``docs/recipes/synthetic.md`` shows some.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from facegen.errors import UsageError
from facegen.reading import read_yaml
from facegen.synthesis.labels import CLASSES, class_index

T = TypeVar("T")

CONSENTS = ("own", "licensed", "synthetic", "public-domain", "unknown")
FORMATS = ("png", "jpg")
SPLITS = ("train", "val", "test")
MAPS = ("depth", "normal", "render", "regions")
Span = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Portraits:
    """People given by photos.

    Attributes:
        files: pattern below the data folder. licence: of the photos.
        consent: ``own``, ``licensed``, ``synthetic``, ``public-domain`` or ``unknown``.
        samples: stills of each. clips: clips of each. skip: stems that are not used.
        generator: ``warp``, ``open`` or a folder with weights.
        morph: 0..1, how far the head's shape strays from the photo's, one way per person.
    """

    files: str
    consent: str
    licence: str = "unknown"
    samples: int = 50
    clips: int = 0
    skip: tuple[str, ...] = ()
    generator: str = "warp"
    morph: float = 0.0


@dataclass(frozen=True, kw_only=True)
class People:
    """People who do not exist: heads, skins and hair drawn at random.

    Attributes:
        count: how many. samples, clips: of each. prefix: of their names.
    """

    count: int
    samples: int = 50
    clips: int = 0
    prefix: str = "person"


@dataclass(frozen=True, kw_only=True)
class Identities:
    """Who is seen."""

    portraits: tuple[Portraits, ...] = ()
    people: tuple[People, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Actions:
    """Action units asked for directly.

    Attributes:
        units: strength 0..1 by name (``AU12: 0.8``). label: class it is filed under.
        share: how often, against 1 for all emotions together.
    """

    units: dict[str, float]
    label: str
    share: float = 0.1


@dataclass(frozen=True, kw_only=True)
class Expressions:
    """What faces show.

    Attributes:
        classes: share of each class. intensity: from, to.
        blend: chance that a second feeling mixes in. variants: chance that another way of showing
            an emotion than the house's prototype is used.
        spread: standard deviation of each unit's strength (of its logarithm). missing: chance that
            a unit is left out.
        asymmetry: of the difference between the sides. speech: chance that the mouth speaks.
        stray: chance of weak actions that belong to no emotion. blink: chance of closed lids.
        free: share of faces drawn in the space of all 52 actions. actions: units asked for.
        coverage: candidates per face, of which the ones farthest apart are taken; 1 is off.
    """

    classes: dict[str, float] = field(default_factory=lambda: dict.fromkeys(CLASSES, 1.0))
    intensity: Span = (0.35, 1.0)
    blend: float = 0.15
    variants: float = 0.6
    spread: float = 0.25
    missing: float = 0.08
    asymmetry: float = 0.12
    speech: float = 0.25
    stray: float = 0.3
    blink: float = 0.06
    free: float = 0.0
    actions: tuple[Actions, ...] = ()
    coverage: int = 4


@dataclass(frozen=True, kw_only=True)
class Scene:
    """How a face is seen.

    Attributes:
        yaw, pitch, roll: standard deviations, degrees. turn_limit: of a photo's head away from the
            photo; ``yaw_limit``: of anybody's.
        gaze: standard deviation, degrees. frame: side of the picture in inter-ocular distances.
        shift: of the face from the middle, of the side. fov: degrees, made people only.
        background: chance that a photo's background is replaced. light: 0..1, how much light
            varies. occluders: chance of a thing before the face.
    """

    yaw: float = 14.0
    pitch: float = 7.0
    roll: float = 6.0
    turn_limit: float = 22.0
    yaw_limit: float = 40.0
    gaze: float = 7.0
    frame: Span = (3.4, 4.8)
    shift: float = 0.04
    fov: Span = (12.0, 35.0)
    background: float = 0.5
    light: float = 1.0
    occluders: float = 0.12


@dataclass(frozen=True, kw_only=True)
class Lens:
    """What a camera and a codec do; chances 0..1, and the strongest effect.

    Attributes:
        blur: chance; blur_pixels: at 224 pixels. noise: chance; noise_level: of 0..1.
        small: chance of a smaller picture; small_side: its least side, pixels.
        codec: chance of JPEG; codec_quality: from, to. colour: 0..1. grey: chance of no colour.
    """

    blur: float = 0.25
    blur_pixels: float = 1.6
    noise: float = 0.4
    noise_level: float = 0.03
    small: float = 0.35
    small_side: int = 48
    codec: float = 0.4
    codec_quality: Span = (30, 90)
    colour: float = 1.0
    grey: float = 0.08


@dataclass(frozen=True, kw_only=True)
class Clips:
    """Length and rate of clips: ``fps`` frames per second, a fraction as ``30000/1001``."""

    seconds: float = 2.0
    fps: str = "25"


@dataclass(frozen=True, kw_only=True)
class Gates:
    """What a picture must pass; the decision is written, nothing is deleted.

    Attributes:
        face: one face is found where it was painted. identity: least cosine to the photo, where an
            identity network is given. units: least agreement of units, 0..1. quality: least
            sharpness and contrast, 0..1. Values of 0 switch a gate off.
    """

    face: bool = True
    identity: float = 0.3
    units: float = 0.0
    quality: float = 0.02


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A whole plan.

    Attributes:
        size: pixels. format, quality: of stills. shard: samples in a shard.
        split: share of identities in train, val and test. maps: which maps are kept.
        identity_net: file of an identity network (MobileFace, ONNX) below the data folder, or "".
        judges: networks that look at each picture. relabel: policy over their votes, or ``none``.
        watermark: put the invisible mark into every picture.
        allow_unknown_consent: photos whose people were not asked may be used.
    """

    identities: Identities
    name: str = "faces"
    seed: int = 0
    size: int = 224
    format: str = "png"
    quality: int = 95
    shard: int = 500
    split: dict[str, float] = field(default_factory=lambda: {"train": 0.8, "val": 0.1, "test": 0.1})
    expressions: Expressions = Expressions()
    scene: Scene = Scene()
    lens: Lens = Lens()
    clips: Clips = Clips()
    gates: Gates = Gates()
    maps: tuple[str, ...] = ()
    identity_net: str = ""
    judges: tuple[str, ...] = ()
    relabel: str = "none"
    watermark: bool = True
    allow_unknown_consent: bool = False

    @classmethod
    def read(cls, path: Path) -> Plan:
        """Parse a plan file.

        Raises:
            UsageError: unreadable, or a field that is unknown, of another type or out of range;
                the message names it and says what would do.
        """
        try:
            data = read_yaml(path)
        except OSError as error:
            raise UsageError(f"cannot read the plan {path}: {error.strerror}") from error
        except ValueError as error:
            raise UsageError(f"{path} is not YAML of a plan ({error})") from error
        plan = parse(cls, data, str(path))
        plan.validate()
        return plan

    @property
    def fingerprint(self) -> str:
        """Changes with everything that changes a sample."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def validate(self) -> None:
        """Check what types cannot.

        Raises:
            UsageError: names the field and its choices.
        """
        groups = (*self.identities.portraits, *self.identities.people)
        _need(bool(groups), "identities", "name at least one entry of portraits or people")
        _choice("format", self.format, FORMATS)
        _need(32 <= self.size <= 1024, "size", "give 32 to 1024 pixels")
        _need(1 <= self.quality <= 100, "quality", "give 1 to 100")
        _need(self.shard >= 1, "shard", "give at least 1")
        for name in self.maps:
            _choice("maps", name, MAPS)
        for name in self.split:
            _choice("split", name, SPLITS)
        total = sum(self.split.values())
        _need(abs(total - 1) < 1e-6, "split", f"the shares sum to {total:g}, they must sum to 1")
        for name in self.expressions.classes:
            class_index(name)
        _need(sum(self.expressions.classes.values()) > 0, "expressions.classes", "all are 0")
        low, high = self.expressions.intensity
        _need(
            0 <= low <= high <= 1, "expressions.intensity", "give two numbers, 0 <= from <= to <= 1"
        )
        _need(self.expressions.coverage >= 1, "expressions.coverage", "give at least 1")
        for index, group in enumerate(self.identities.portraits):
            _choice(f"identities.portraits[{index}].consent", group.consent, CONSENTS)
        if self.relabel != "none":
            from facegen.synthesis.policies import SINGLE

            _choice("relabel", self.relabel, ("none", *SINGLE))
            _need(bool(self.judges), "relabel", f"{self.relabel} needs judges; name some")
        for section in (self.expressions, self.scene, self.lens):
            for name in _CHANCES & {f.name for f in fields(section)}:
                value = getattr(section, name)
                _need(0 <= value <= 1, f"{type(section).__name__.lower()}.{name}", "give 0 to 1")


_CHANCES = {
    "blend", "missing", "variants", "speech", "stray", "blink", "free", "background", "light",
    "occluders", "blur", "noise", "small", "codec", "colour", "grey",
}  # fmt: skip


def _need(true: bool, name: str, fix: str) -> None:
    if not true:
        raise UsageError(f"plan: {name}: {fix}")


def _choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    _need(value in choices, name, f"{value!r} is none of {', '.join(choices)}")


def parse(cls: type[T], data: Any, where: str = "") -> T:
    """A dataclass from what YAML gave; nested ones, tuples of them and spans too.

    Args:
        where: name of the place, for messages.

    Raises:
        UsageError: see :meth:`Plan.read`.
    """
    if not isinstance(data, dict):
        raise UsageError(f"{where}: expected fields, got {_kind(data)}")
    hints = get_type_hints(cls)
    known = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
    for name in data:
        if name not in known:
            near = get_close_matches(str(name), known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise UsageError(f"{where}: no field {name!r}; {hint}")
    for name, entry in known.items():
        if name not in data and entry.default is MISSING and entry.default_factory is MISSING:
            raise UsageError(f"{where}: the field {name!r} is missing")
    values = {name: _value(hints[name], value, f"{where}: {name}") for name, value in data.items()}
    return cls(**values)


def _value(hint: Any, value: Any, where: str) -> Any:
    if is_dataclass(hint):
        return parse(hint, value, where)  # type: ignore[arg-type]
    origin, inner = get_origin(hint), get_args(hint)
    if origin is tuple:
        if not isinstance(value, list):
            raise UsageError(f"{where}: expected a list, got {_kind(value)}")
        if Ellipsis in inner:
            return tuple(_value(inner[0], v, f"{where}[{i}]") for i, v in enumerate(value))
        if len(value) != len(inner):
            raise UsageError(f"{where}: expected {len(inner)} numbers, got {len(value)}")
        return tuple(_value(h, v, where) for h, v in zip(inner, value, strict=True))
    if origin is dict:
        if not isinstance(value, dict):
            raise UsageError(f"{where}: expected names with numbers, got {_kind(value)}")
        return {str(k): _value(inner[1], v, f"{where}.{k}") for k, v in value.items()}
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is str and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise UsageError(f"{where}: expected {_NAMES[hint]}, got {_kind(value)}")
    return value


_NAMES = {int: "a whole number", float: "a number", str: "a word", bool: "true or false"}


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"{value!r}"
