"""MetPy's functions where the catalogue needs more than a plain call, module by module like it.

Each takes and returns pint quantities, in the units of the catalogue, and calls only MetPy's
public functions. `Missing` says that the profile does not hold what is needed; the result is then
missing in the output, which is no error.
"""
