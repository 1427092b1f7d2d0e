"""Chat templates: how a conversation becomes one text, and which characters of it the model has to learn.

One Template serves training, chat, comparison and export, so that what is trained is what is asked later.
"""

from training.template.catalog import template_for, template_names
from training.template.errors import TemplateError
from training.template.template import Rendered, Template

__all__ = ["Rendered", "Template", "TemplateError", "template_for", "template_names"]
