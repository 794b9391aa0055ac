"""What the service is asked and what it answers, as its OpenAPI page shows them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from actiongpt_core.postprocess import POSTPROCESSES
from actiongpt_core.text.actions import MAX_ACTIONS, MAX_CHARACTERS
from actiongpt_core.types.text import MAX_SECONDS
from actiongpt_studio.service.formats import MEDIA_TYPES


def _one_of(names: list[str]) -> Any:
    """A string that is one of some names which are not known when this file is written."""

    def check(value: str) -> str:
        if value not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return value

    return Annotated[str, AfterValidator(check), Field(json_schema_extra={"enum": list(names)})]


Format: Any = _one_of(list(MEDIA_TYPES))
Postprocess: Any = _one_of(list(POSTPROCESSES))
_Seconds = Annotated[float, Field(gt=0, le=MAX_SECONDS, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class ActionIn(_Strict):
    """One action of several."""

    phrase: str = Field(min_length=1, max_length=MAX_CHARACTERS, description="What the person does.")
    seconds: _Seconds | None = Field(None, description="How long; as the request's `seconds` if not given.")


class MotionRequest(_Strict):
    """Which motion. Give `text` or `actions`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"text": "walk forward, then wave", "seed": 0},
                {"actions": [{"phrase": "walk forward", "seconds": 3}, {"phrase": "sit down"}], "format": "bvh"},
            ],
            # Exactly one of the two, for those who make requests from this schema.
            "oneOf": [
                {"required": ["text"], "properties": {"text": {"type": "string"}, "actions": {"type": "null"}}},
                {"required": ["actions"], "properties": {"actions": {"type": "array"}, "text": {"type": "null"}}},
            ],
        }
    )

    text: str | None = Field(
        None, min_length=1, max_length=MAX_CHARACTERS, description='Such as "walk forward, then sit down".'
    )
    actions: list[ActionIn] | None = Field(None, min_length=1, max_length=MAX_ACTIONS, description="In order.")
    backbone: str | None = Field(
        None, max_length=200, description="See `/v1/backbones`; the service's own if not given."
    )
    seconds: _Seconds | Literal["auto"] = Field(
        "auto", description="Of each action that does not say its own; `auto` estimates each from its words."
    )
    seed: int | None = Field(None, ge=0, lt=2**63, description="The same seed gives the same motion.")
    format: Format | None = Field(None, description="Of the answer; that of the header Accept if not given.")
    postprocess: list[Postprocess] = Field(
        default=[], max_length=len(POSTPROCESSES), description="Clean-up of the motion; none if not given."
    )

    @model_validator(mode="after")
    def _check_exactly_one(self) -> MotionRequest:
        if (self.text is None) == (self.actions is None):
            raise ValueError("give text or actions, and not both")
        return self


class ActionOut(BaseModel):
    """One action of a motion, and what it was made from."""

    start: int = Field(description="Its first frame.")
    phrase: str | None = None
    seconds: float | None = None
    texts: list[str] | None = Field(None, description="The descriptions.")
    source: str | None = Field(None, description="How they were found.")


class SkeletonOut(BaseModel):
    """A tree of joints; rest axes x to the body's left, y up, z forward."""

    name: str
    joints: list[str]
    parents: list[int] = Field(description="-1 for the root.")
    offsets: list[list[float]] = Field(description="Joint minus parent in the rest pose, metres.")


class MotionOut(BaseModel):
    """A motion in JSON: right-handed, Z up, metres."""

    backbone: str
    seed: int
    fps: float
    frames: int
    seconds: float
    actions: list[ActionOut]
    skeleton: SkeletonOut
    quaternions: list[list[list[float]]] = Field(
        description="Parent-relative rotations (w, x, y, z), frames x joints x 4; the root's is in the world."
    )
    translation: list[list[float]] = Field(description="Position of the pelvis in the world, frames x 3.")


class PartOut(BaseModel):
    """Something that is installed where the service runs."""

    name: str
    summary: str
    default: bool = Field(description="Taken by this service where none is named.")


class BackboneOut(PartOut):
    """A motion model."""

    capabilities: list[str] = Field(description='"sequence": several actions in one motion.')


class BackbonesOut(BaseModel):
    """Motion models that may be named in a request."""

    backbones: list[BackboneOut]


class ProvidersOut(BaseModel):
    """Who can describe actions; which one does is chosen where the service is started."""

    providers: list[PartOut]


class StateOut(BaseModel):
    """That the service lives, or is ready."""

    status: str


class ErrorBody(BaseModel):
    """What was wrong."""

    version: int = Field(description="A kind keeps its meaning within a version.")
    kind: str
    message: str
    expected: str | list[str] | None = Field(description="What would have been right, where that can be said.")


class ErrorOut(BaseModel):
    """Why there is no answer."""

    error: ErrorBody
