"""Did curation help? The same training, budget and questions on raw, curated and randomly drawn data, several times over."""
