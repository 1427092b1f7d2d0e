"""The steps of the `clean` stage, each a pure function of one text."""
