"""The written list of what a checkpoint's pickle may name, and what each name becomes.

Four kinds, and nothing else:

* values: torch dtypes, which are what they are;
* builders: functions of ours that make plain data (tensor, array, dict, path) from plain arguments;
* stand-ins: foreign objects, kept as an inert record of their arguments and state;
* names: types that are only mentioned (`typing.Any`, `int`).

No function or class of another library is ever looked up by its name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from actiongpt_core.errors import CheckpointError
from actiongpt_core.safe_pickle import builders
from actiongpt_core.safe_pickle.builders import Global, StandIn

#: torch's storage classes and what they hold.
STORAGE_DTYPES: dict[str, torch.dtype] = {
    "torch.DoubleStorage": torch.float64,
    "torch.FloatStorage": torch.float32,
    "torch.HalfStorage": torch.float16,
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.LongStorage": torch.int64,
    "torch.IntStorage": torch.int32,
    "torch.ShortStorage": torch.int16,
    "torch.CharStorage": torch.int8,
    "torch.ByteStorage": torch.uint8,
    "torch.BoolStorage": torch.bool,
    "torch.ComplexFloatStorage": torch.complex64,
    "torch.ComplexDoubleStorage": torch.complex128,
}

#: Names that stand for an immutable value.
VALUES: dict[str, torch.dtype] = {str(dtype): dtype for dtype in STORAGE_DTYPES.values()}

#: Names that may be called, and the function of ours that answers.
BUILDERS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": builders.rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": builders.rebuild_tensor,
    "torch._utils._rebuild_parameter": builders.rebuild_parameter,
    "torch.Size": builders.plain_tuple,
    "torch.device": builders.device_name,
    "collections.OrderedDict": builders.plain_dict,
    "collections.Counter": builders.plain_dict,
    "collections.defaultdict": builders.default_dict,
    "collections.deque": builders.plain_list,
    "pytorch_lightning.utilities.parsing.AttributeDict": builders.plain_dict,
    "lightning.pytorch.utilities.parsing.AttributeDict": builders.plain_dict,
    "builtins.set": builders.plain_set,
    "builtins.frozenset": builders.plain_frozenset,
    "builtins.bytes": builders.plain_bytes,
    "builtins.complex": builders.plain_complex,
    "_codecs.encode": builders.plain_bytes,
    "numpy.dtype": builders.array_type,
    "numpy.core.multiarray.scalar": builders.array_scalar,
    "numpy._core.multiarray.scalar": builders.array_scalar,
    "numpy.core.multiarray._reconstruct": builders.empty_array,
    "numpy._core.multiarray._reconstruct": builders.empty_array,
    "numpy.core.numeric._frombuffer": builders.array_of_bytes,
    "numpy._core.numeric._frombuffer": builders.array_of_bytes,
    "pathlib.PosixPath": builders.posix_path,
    "pathlib.PurePosixPath": builders.posix_path,
    "pathlib.WindowsPath": builders.windows_path,
    "pathlib.PureWindowsPath": builders.windows_path,
}

_OMEGACONF = {
    "base": "Metadata ContainerMetadata Node Container",
    "dictconfig": "DictConfig",
    "listconfig": "ListConfig",
    "nodes": "AnyNode StringNode IntegerNode FloatNode BooleanNode BytesNode PathNode EnumNode InterpolationResultNode",
}
_CALLBACKS = {
    "model_checkpoint": "ModelCheckpoint",
    "early_stopping": "EarlyStopping",
    "lr_monitor": "LearningRateMonitor",
    "timer": "Timer",
    "stochastic_weight_avg": "StochasticWeightAveraging",
    "progress": "ProgressBar",
    "progress.base": "ProgressBarBase",
    "progress.tqdm_progress": "TQDMProgressBar",
    "model_summary": "ModelSummary",
}

#: Classes of which an inert record is kept.
STAND_INS: frozenset[str] = frozenset(
    [f"omegaconf.{module}.{name}" for module, names in _OMEGACONF.items() for name in names.split()]
    + [
        f"{package}.callbacks.{module}.{name}"
        for package in ("pytorch_lightning", "lightning.pytorch")
        for module, name in _CALLBACKS.items()
    ]
)

#: Types that may be mentioned, as a key or an argument, but not called.
NAMES: frozenset[str] = frozenset(
    ["typing.Any", "numpy.ndarray", *STORAGE_DTYPES]
    + [f"builtins.{name}" for name in ("dict", "list", "tuple", "int", "float", "bool", "str")]
)


def find(module: str, name: str) -> Any:
    """What a name in a pickle becomes: a value, or a `Global`.

    Raises:
        CheckpointError: The name is not on the list. The message holds it.
    """
    full = f"{'builtins' if module == '__builtin__' else module}.{name}"
    if full in VALUES:
        return VALUES[full]
    if full in BUILDERS or full in STAND_INS or full in NAMES:
        return Global(full)
    shown = f"{module}.{name}"[:200]
    shown = shown if shown.isprintable() else ascii(shown)
    raise CheckpointError(f"refused: {shown}. A checkpoint may hold tensors and plain data, not code.")


def call(function: Any, args: Any) -> Any:
    """Answer a call in a pickle.

    Raises:
        CheckpointError: What is called is not on the list, or the arguments do not fit.
    """
    if not isinstance(function, Global) or not isinstance(args, tuple):
        raise CheckpointError(f"refused: a call of a {type(function).__name__}.")
    if function.name in STAND_INS:
        return StandIn(function.name, args)
    if function.name not in BUILDERS:
        raise CheckpointError(f"refused: a call of {function.name}.")
    return BUILDERS[function.name](*args)
