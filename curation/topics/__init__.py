"""The map of a dataset: topics found by clustering, named by their words, laid out on a plane, thin and crowded places."""
