"""Numbers about records that are dear to measure: with which model, how fast, and kept so that it is done once."""
