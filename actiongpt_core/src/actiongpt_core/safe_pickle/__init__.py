"""Files of `torch.save`, pickle, joblib and `numpy.save`, read without executing any of their code."""

from actiongpt_core.safe_pickle.array_files import load_joblib, load_object_npy, load_pickle
from actiongpt_core.safe_pickle.builders import Global, StandIn
from actiongpt_core.safe_pickle.dense import dense_array
from actiongpt_core.safe_pickle.files import load_checkpoint, load_tensor_file

__all__ = [
    "Global",
    "StandIn",
    "dense_array",
    "load_checkpoint",
    "load_joblib",
    "load_object_npy",
    "load_pickle",
    "load_tensor_file",
]
