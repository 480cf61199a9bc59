"""One operation a statement, and where its result lies."""
