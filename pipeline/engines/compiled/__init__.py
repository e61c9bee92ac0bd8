"""The compiled engine: MetPy's numbers from numba kernels, all profiles of a block in one call.

A kernel evaluates one entry (or shared step) of the catalogue. It takes the offsets of the levels
of each profile, then the inputs in the order of the declaration, each a plain array over all
levels or all profiles of the block, then the options. It returns values and, a profile, a code
that says why there is none (:mod:`pipeline.engines.compiled.missing`). The algorithms are
MetPy 1.7.1's, quirks included; the constants and formulas too.

Nothing here is imported unless the engine is asked for: importing numba takes a second.
"""
