"""Files of `torch.save`, read without executing any of their code."""

from actiongpt_core.safe_pickle.builders import Global, StandIn
from actiongpt_core.safe_pickle.files import load_checkpoint, load_tensor_file

__all__ = ["Global", "StandIn", "load_checkpoint", "load_tensor_file"]
