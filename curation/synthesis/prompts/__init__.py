"""What models are asked: Jinja2 files that users can read, copy and change, filled with fenced data."""

from curation.synthesis.prompts.fence import data_of, nonce_for
from curation.synthesis.prompts.files import copy_to
from curation.synthesis.prompts.render import Prompts

__all__ = ["Prompts", "copy_to", "data_of", "nonce_for"]
