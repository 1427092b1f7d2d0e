"""Language identification, offline: see docs/language.md for how well it does.

`curation.language.codes` names the languages and is light; `curation.language.detect` loads numpy and the model.
"""
