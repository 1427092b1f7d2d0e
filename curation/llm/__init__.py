"""Asking language models, over an endpoint or in this process, so that no finished call is ever paid for twice."""
