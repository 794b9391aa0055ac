"""One place for one mismatch: a torchvision wheel built for CUDA beside a CPU torch.

pip pairs `torch==X+cpu` with the registry's torchvision, whose compiled part cannot load there. `import torchvision`
then dies with "operator torchvision::nms does not exist", and with it every import of a transformers model, timm and
open_clip, although nothing of ours needs torchvision's compiled operators. Whoever wraps one of those packages calls
`ensure_torchvision` right before importing it; never an `__init__`, since it imports torch.
"""

from __future__ import annotations

import functools
import importlib
import sys
from typing import Any

#: The two operators that torchvision's Python code refers to while it is imported.
_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
#: A torch library forgets its schemas when it is collected.
_KEEP: list[Any] = []


@functools.cache
def ensure_torchvision() -> None:
    """Make `import torchvision` work where only its compiled part is missing.

    Does nothing where torchvision is absent or imports normally. torchvision's compiled operators stay unusable, with
    torch's own clear error.

    Raises:
        RuntimeError: torchvision fails to import for another reason.
    """
    try:
        importlib.import_module("torchvision")
    except ImportError:
        return
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
        _import_with_declared_operators()


def _import_with_declared_operators() -> None:
    import torch

    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    torch_library: Any = torch.library
    fragment = torch_library.Library("torchvision", "FRAGMENT")
    for schema in _SCHEMAS:
        fragment.define(schema)
    _KEEP.append(fragment)
    importlib.import_module("torchvision")
