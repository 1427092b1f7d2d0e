"""What the machine-learning libraries say goes to logging and no further: stdout and stderr belong to the studio."""

from __future__ import annotations

import logging
import os
import warnings
from importlib import import_module
from typing import Any

# Loggers that bring a handler of their own, or that speak of things a user of the studio can do nothing about.
_TALKERS = ("transformers", "peft", "trl", "bitsandbytes", "accelerate", "huggingface_hub", "datasets", "torch")


def hush_libraries() -> None:
    """Send the libraries' messages to the root logger alone, and draw no progress bars. Safe to call again.

    Call it before the first import of bitsandbytes, which speaks while it is imported ("Failed to load CPU
    gemm_4bit_forward …", harmless without the package `kernels`). A process that wants these messages gives the root
    logger a handler, as a detached run does with its worker.log. Environment variables reach child processes too.
    """
    hush_hub()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    os.environ.setdefault("BITSANDBYTES_NOWELCOME", "1")
    root = logging.getLogger()
    if not root.handlers:  # else logging's handler of last resort writes warnings to stderr
        root.addHandler(logging.NullHandler())
    logging.captureWarnings(capture=True)
    for category in (FutureWarning, DeprecationWarning, UserWarning):
        warnings.filterwarnings(
            "ignore", category=category, module=r"(transformers|peft|trl|bitsandbytes|accelerate)\b"
        )
    _quiet_transformers()
    for name in _TALKERS:
        logger = logging.getLogger(name)
        logger.propagate = True
        for handler in list(logger.handlers):
            if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
                logger.removeHandler(handler)


def hush_hub() -> None:
    """No progress bars of the Hub's library, and no telemetry. Imports nothing else: downloading needs no torch.

    The library reads both variables while it is imported, and never again.
    """
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    hub: Any = import_module("huggingface_hub.utils")
    hub.disable_progress_bars()


def _quiet_transformers() -> None:
    transformers_logging: Any = import_module("transformers.utils.logging")
    transformers_logging.disable_progress_bar()
    transformers_logging.disable_default_handler()
    transformers_logging.set_verbosity_warning()
