"""The service as an ASGI application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from actiongpt_core import __version__
from actiongpt_studio.pipelines import Pipelines
from actiongpt_studio.service.formats import MEDIA_TYPES, accepted
from actiongpt_studio.service.gate import MOTIONS, Gate
from actiongpt_studio.service.metrics import Metrics
from actiongpt_studio.service.problems import KINDS, Problem
from actiongpt_studio.service.schemas import (
    BackbonesOut,
    ErrorOut,
    MotionOut,
    MotionRequest,
    ProvidersOut,
    StateOut,
)
from actiongpt_studio.service.service import Service
from actiongpt_studio.service.settings import Settings

_log = logging.getLogger(__name__)
_ABOUT = "Text to 3D human motion. Every error has one form; decide by its `kind`, the message is for people."
_HTTP_KINDS = {400: "malformed", 404: "not-found", 405: "method"}


def build_app(settings: Settings | None = None, pipelines: Pipelines | None = None) -> FastAPI:
    """The application, for uvicorn or another ASGI server; `actiongpt serve` runs it.

    Args:
        settings: What the service is started with; the defaults if not given.
        pipelines: Where pipelines are built; those that are there already are used.
    """
    settings = settings or Settings()
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.service = service = Service(settings, metrics, pipelines)
        start = asyncio.create_task(_start(service))
        yield
        start.cancel()
        await asyncio.gather(start, return_exceptions=True)
        await service.close()

    # Not FastAPI itself: its page loads scripts from another host.
    app = FastAPIOffline(
        title="Action-GPT",
        version=__version__,
        description=_ABOUT,
        redoc_url=None,
        static_url="/assets",
        swagger_ui_parameters={"validatorUrl": None, "defaultModelsExpandDepth": 0},
        swagger_ui_oauth2_redirect_url="/docs/oauth2-redirect",
        lifespan=lifespan,
    )
    app.add_middleware(Gate, settings=settings, metrics=metrics)
    _add_errors(app)
    _add_motions(app, has_token=settings.token is not None)
    _add_state(app, metrics)
    return app


async def _start(service: Service) -> None:
    try:
        await service.start()
    except Exception:
        _log.exception("The service cannot make motions: /readyz will never say that it is ready.")


def _require_ready(service: Service) -> None:
    if not service.is_ready:
        raise Problem("loading", "The service is loading its model, or could not: its log says which.", retry_after=1)


def _add_motions(app: FastAPI, has_token: bool) -> None:
    guarded = (401,) if has_token else ()
    # The gate has looked at the token; this only tells the page, so that it has a field for it.
    guards = [Depends(HTTPBearer(auto_error=False))] if has_token else []
    binary = {"schema": {"type": "string", "format": "binary"}}
    formats: dict[str, Any] = {media: {} if name == "json" else binary for name, media in MEDIA_TYPES.items()}

    @app.post(
        MOTIONS,
        tags=["motions"],
        dependencies=guards,
        response_class=Response,
        responses={
            200: {"model": MotionOut, "content": formats, "description": "The motion."},
            **_errors(400, 406, 408, 413, 422, 429, 500, 501, 503, 504, *guarded),
        },
    )
    async def make_motion(request: MotionRequest, http: Request) -> Response:
        """Make one motion. Requests that arrive together go through the network together."""
        media = request.format or accepted(http.headers.get("accept"))
        if media is None:
            raise Problem("accept", "The header Accept asks for nothing that is offered.", list(MEDIA_TYPES.values()))
        made = await app.state.service.answer(request, media)
        headers = {"X-ActionGPT-Seed": str(made.seed), "X-ActionGPT-Backbone": made.backbone}
        if media != "json":
            # A page that was asked for is a file to keep: shown at the service's address it could ask the service.
            headers["Content-Disposition"] = f'attachment; filename="motion.{media}"'
        return Response(made.content, media_type=MEDIA_TYPES[media], headers=headers)

    @app.get(
        "/v1/backbones",
        tags=["installed"],
        response_model=BackbonesOut,
        dependencies=guards,
        responses=_errors(*guarded, 503),
    )
    async def list_backbones() -> Any:
        """The motion models that a request may name."""
        _require_ready(app.state.service)
        return {"backbones": app.state.service.backbones()}

    @app.get(
        "/v1/providers",
        tags=["installed"],
        response_model=ProvidersOut,
        dependencies=guards,
        responses=_errors(*guarded),
    )
    async def list_providers() -> Any:
        """Who can describe actions. Which one does is chosen where the service is started."""
        return {"providers": app.state.service.providers()}


def _add_state(app: FastAPI, metrics: Metrics) -> None:
    @app.get("/healthz", tags=["state"], response_model=StateOut)
    async def health() -> Any:
        """The process lives."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["state"], response_model=StateOut, responses=_errors(503))
    async def readiness() -> Any:
        """The model is loaded and has made a motion."""
        _require_ready(app.state.service)
        return {"status": "ok"}

    @app.get("/metrics", response_class=Response, include_in_schema=False)
    async def show_metrics() -> Response:
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What may be answered instead, with the kinds of each status."""
    found: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        kinds = [f"`{kind}`: {meaning}" for kind, (of, meaning) in KINDS.items() if of == status]
        found[status] = {"model": ErrorOut, "description": "<br>".join(kinds)}
    return found


def _add_errors(app: FastAPI) -> None:
    """The framework's errors in our form; all others pass to the gate, which answers them."""

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        return _invalid(error.errors()).response()

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> Response:
        kind = _HTTP_KINDS.get(error.status_code, "malformed")
        response = Problem(kind, str(error.detail)).response()
        response.headers.update(error.headers or {})
        return response


def _invalid(errors: Sequence[Any]) -> Problem:
    """What is wrong with the fields; never their values, which may be megabytes."""
    if any(item["type"] == "json_invalid" for item in errors):
        return Problem("malformed", "The body is not JSON.", expected="a JSON object")
    lines = [f"{'.'.join(map(str, item['loc'])) or 'body'}: {item['msg']}" for item in errors]
    return Problem("invalid", "The request has fields that cannot be read.", expected=lines)
