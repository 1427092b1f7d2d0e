"""From an answer back to the data: the records nearest to it, those that moved it most, and where a record came from."""
