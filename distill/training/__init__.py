"""One run: a `RunSpec` and its finished inputs in, a run folder out."""
