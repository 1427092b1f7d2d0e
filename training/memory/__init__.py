"""How much memory a run will need: estimated by component before launch, measured by a probe, and what would fit."""
