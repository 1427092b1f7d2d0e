"""The checks, one small file an idea; `training.preflight.registry` lists them."""
