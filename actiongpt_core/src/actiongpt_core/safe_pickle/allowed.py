"""The written lists of what a pickle may name, and what each name becomes: one for checkpoints, one for arrays.

Four kinds of names, and nothing else:

* values: torch dtypes, which are what they are;
* builders: functions of ours that make plain data (tensor, array, dict, path) from plain arguments;
* stand-ins: foreign objects, kept as an inert record of their arguments and state;
* names: types that are only mentioned (`typing.Any`, `int`).

No function or class of another library is ever looked up by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
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

_PLAIN_BUILDERS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": builders.plain_dict,
    "collections.Counter": builders.plain_dict,
    "collections.defaultdict": builders.default_dict,
    "collections.deque": builders.plain_list,
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
}
_TORCH_BUILDERS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": builders.rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": builders.rebuild_tensor,
    "torch._utils._rebuild_parameter": builders.rebuild_parameter,
    "torch.Size": builders.plain_tuple,
    "torch.device": builders.device_name,
    "pytorch_lightning.utilities.parsing.AttributeDict": builders.plain_dict,
    "lightning.pytorch.utilities.parsing.AttributeDict": builders.plain_dict,
    "pathlib.PosixPath": builders.posix_path,
    "pathlib.PurePosixPath": builders.posix_path,
    "pathlib.WindowsPath": builders.windows_path,
    "pathlib.PureWindowsPath": builders.windows_path,
    **{f"torch.jit._pickle.build_{kind}list": builders.plain_list for kind in ("int", "double", "bool", "tensor")},
}

#: Start of the names of TorchScript's classes: they exist in the archive's own code alone, and stay stand-ins.
SCRIPT = "__torch__."

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

_LIGHTNING = ("pytorch_lightning", "lightning.pytorch")
_SETTINGS = [f"omegaconf.{module}.{name}" for module, names in _OMEGACONF.items() for name in names.split()] + [
    f"{package}.callbacks.{module}.{name}" for package in _LIGHTNING for module, name in _CALLBACKS.items()
]

#: Types that may be mentioned, as a key or an argument, but not called.
_PLAIN_NAMES = frozenset(
    ["typing.Any", "numpy.ndarray"]
    + [f"builtins.{n}" for n in ("dict", "list", "tuple", "int", "float", "bool", "str")]
)

#: The wrapper behind which joblib writes an array's bytes; see `inline_arrays`.
JOBLIB_ARRAY = "joblib.numpy_pickle.NumpyArrayWrapper"
#: Classes of chumpy and scipy that body files hold; `dense_array` knows what the first few of them stand for.
CHUMPY_ARRAY = "chumpy.ch.Ch"
CHUMPY_SELECT = "chumpy.reordering.Select"
SCIPY_COLUMNS = frozenset(["scipy.sparse.csc.csc_matrix", "scipy.sparse._csc.csc_matrix"])
_ARRAY_STAND_INS = SCIPY_COLUMNS | {
    *(JOBLIB_ARRAY, CHUMPY_ARRAY, CHUMPY_SELECT),
    *("chumpy.ch.MatVecMult", "chumpy.reordering.Reshape"),
}
#: Python 2 and protocols below 2 say with it "an empty object of this class".
_RECONSTRUCTOR = "copyreg._reconstructor"
_OBJECT = "builtins.object"
_PYTHON_2 = {"__builtin__": "builtins", "copy_reg": "copyreg"}


@attrs.frozen
class AllowList:
    """What the pickles of one kind of file may name."""

    content: str  #: what such a file may hold, for error messages
    values: Mapping[str, Any]
    builders: Mapping[str, Callable[..., Any]]  #: names that may be called, and the function of ours that answers
    stand_ins: frozenset[str]  #: classes of which an inert record is kept
    names: frozenset[str]
    stand_in_starts: tuple[str, ...] = ()  #: starts of the names of further such classes

    def find(self, module: str, name: str) -> Any:
        """What a name in a pickle becomes: a value, or a `Global`.

        Raises:
            CheckpointError: The name is not on the list. The message holds it.
        """
        full = f"{_PYTHON_2.get(module, module)}.{name}"
        if full in self.values:
            return self.values[full]
        if full in self.builders or full in self.names or self._is_stand_in(full):
            return Global(full)
        shown = f"{module}.{name}"[:200]
        shown = shown if shown.isprintable() else ascii(shown)
        raise CheckpointError(f"refused: {shown}. {self.content} and plain data, not code.")

    def call(self, function: Any, args: Any) -> Any:
        """Answer a call in a pickle.

        Raises:
            CheckpointError: What is called is not on the list, or the arguments do not fit.
        """
        if not isinstance(function, Global) or not isinstance(args, tuple):
            raise CheckpointError(f"refused: a call of a {type(function).__name__}.")
        if self._is_stand_in(function.name):
            return StandIn(function.name, args)
        if function.name == _RECONSTRUCTOR:
            return self._reconstruct(args)
        if function.name not in self.builders:
            raise CheckpointError(f"refused: a call of {function.name}.")
        return self.builders[function.name](*args)

    def _is_stand_in(self, name: str) -> bool:
        return name in self.stand_ins or name.startswith(self.stand_in_starts)

    def _reconstruct(self, args: tuple[Any, ...]) -> StandIn:
        is_empty = len(args) == 3 and args[1:] == (Global(_OBJECT), None)
        if not is_empty or not isinstance(args[0], Global) or args[0].name not in self.stand_ins:
            raise CheckpointError(f"refused: {_RECONSTRUCTOR} of something else than an array class.")
        return StandIn(args[0].name)


#: For files of `torch.save`.
CHECKPOINT = AllowList(
    content="A checkpoint may hold tensors",
    values=VALUES,
    builders={**_PLAIN_BUILDERS, **_TORCH_BUILDERS},
    stand_ins=frozenset(_SETTINGS),
    stand_in_starts=(SCRIPT,),
    names=_PLAIN_NAMES | set(STORAGE_DTYPES),
)
#: For body files and data bases: pickles of numpy arrays, arrays of texts and other objects among them.
ARRAYS = AllowList(
    content="The file may hold arrays",
    values={},
    builders={**_PLAIN_BUILDERS, "numpy.dtype": builders.any_array_type},
    stand_ins=_ARRAY_STAND_INS,
    names=_PLAIN_NAMES | {_RECONSTRUCTOR, _OBJECT},
)
