"""The parts of deduplication: shingles, signatures, candidates, exact similarity, clusters, template families."""
