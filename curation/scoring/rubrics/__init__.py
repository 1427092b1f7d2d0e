"""By what records are rated: the rubric of the studio, and the prompt that shows a rubric and a record to a judge."""
