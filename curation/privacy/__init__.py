"""Finding and masking what belongs to a person or must stay secret: entities, the finders of both tiers, operators."""
