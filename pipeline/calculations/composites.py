"""Composite parameters: one number out of several, for supercells and tornadoes."""

from __future__ import annotations

from pipeline.calculations.declaration import ADAPTERS, Calculation

CALCULATIONS = (
    Calculation(
        name="supercell_composite",
        long_name="supercell composite parameter, fixed layers",
        units="1",
        inputs=("mucape", "srh_0_3km", "bulk_shear_0_6km"),
        function=f"{ADAPTERS}.composites:supercell_composite",
        kernel="composites:supercell_composite",
        metpy="supercell_composite",
        valid_range=(-200.0, 200.0),
        comment=(
            "0-3 km helicity and 0-6 km shear stand for the effective ones, which MetPy does not "
            "have. For the right mover, in both hemispheres. Negative where helicity is negative."
        ),
        reference="Thompson et al. 2004, 22nd Conf. Severe Local Storms",
    ),
    Calculation(
        name="significant_tornado",
        long_name="significant tornado parameter, fixed layer",
        units="1",
        inputs=("sbcape", "sblcl_height", "srh_0_1km", "bulk_shear_0_6km"),
        function=f"{ADAPTERS}.composites:significant_tornado",
        kernel="composites:significant_tornado",
        metpy="significant_tornado",
        valid_range=(-100.0, 100.0),
        comment="Surface-based CAPE and LCL, 0-1 km helicity of the right mover, 0-6 km shear.",
        reference="Thompson et al. 2004, 22nd Conf. Severe Local Storms",
    ),
)
