"""Who evaluates the catalogue: MetPy, the reference (`pipeline.engines.metpy`), or machine code."""
