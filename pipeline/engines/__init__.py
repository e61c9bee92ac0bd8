"""Who evaluates the catalogue for a profile: MetPy, the reference (`pipeline.engines.metpy`)."""
