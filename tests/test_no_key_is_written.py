"""A key is planted in the environment of the whole run (tests/conftest.py); what was written must not hold it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from llm_stub import StubServer, chat, serve  # type: ignore[import-not-found]

#: Every way in which the key could get out: a good answer, a refusal that repeats the key, a cut connection.
