"""Lifted parcels: surface-based, mixed-layer and most-unstable, and the downdraft.

Each parcel is lifted once (``sb_ascent``, ``ml_ascent``, ``mu_ascent``); CAPE, CIN, the levels
and the lifted index all come from that ascent. MetPy finds the LFC and EL inside ``cape_cin`` with
virtual temperature, bottom LFC and top EL: the ones reported here are those, so that they bound
the CAPE beside them. (``metpy.calc.lfc`` called by hand gives others: no virtual temperature, top
LFC.)
"""

from __future__ import annotations

from pipeline.calculations.declaration import ADAPTERS, Calculation

_PARCELS = {
    "sb": "surface-based parcel",
    "ml": "mixed-layer parcel (lowest 100 hPa)",
    "mu": "most unstable parcel (highest equivalent potential temperature in the lowest 300 hPa)",
}
_ENVIRONMENT = ("pressure", "temperature", "dewpoint")
_BOUNDS = (
    "The one that bounds the CAPE reported beside it: virtual temperature, bottom LFC, top EL."
)
_CAPE_REFERENCE = "Doswell and Rasmussen 1994, Wea. Forecasting 9, 625-629; MetPy's cape_cin"
_LCL_REFERENCE = "Romps 2017, J. Atmos. Sci. 74, 3891-3900"
_CIN_COMMENT = (
    "Negative where there is inhibition. Missing where there is no level of free convection: not "
    "0, which means uncapped."
)


def _cape_and_cin(parcel: str, meaning: str) -> list[Calculation]:
    wrt_surface = "_wrt_surface" if parcel == "sb" else ""
    return [
        Calculation(
            name=f"{parcel}cape",
            long_name=f"convective available potential energy, {meaning}",
            units="J kg-1",
            inputs=(f"{parcel}_ascent",),
            function=f"{ADAPTERS}.parcels:cape_cin",
            kernel="parcels:cape_cin",
            metpy="cape_cin",
            pick=0,
            standard_name=f"atmosphere_convective_available_potential_energy{wrt_surface}",
            valid_range=(0.0, 12000.0),
            comment="With virtual temperature.",
            reference=_CAPE_REFERENCE,
        ),
        Calculation(
            name=f"{parcel}cin",
            long_name=f"convective inhibition, {meaning}",
            units="J kg-1",
            inputs=(f"{parcel}_ascent",),
            function=f"{ADAPTERS}.parcels:cape_cin",
            kernel="parcels:cape_cin",
            metpy="cape_cin",
            pick=1,
            standard_name=f"atmosphere_convective_inhibition{wrt_surface}",
            valid_range=(-5000.0, 0.0),
            comment=_CIN_COMMENT,
            reference=_CAPE_REFERENCE,
        ),
    ]


def _level_pressures(parcel: str, meaning: str) -> list[Calculation]:
    levels = (
        ("lcl", "lifting condensation level", f"{parcel}_lcl", "lcl", "", _LCL_REFERENCE),
        ("lfc", "level of free convection", f"{parcel}_virtual_ascent", "lfc", _BOUNDS, ""),
        ("el", "equilibrium level", f"{parcel}_virtual_ascent", "el", _BOUNDS, ""),
    )
    pressures = [
        Calculation(
            name=f"{parcel}{level}_pressure",
            long_name=f"pressure at the {words}, {meaning}",
            units="hPa",
            inputs=(needs,),
            function=f"{ADAPTERS}.parcels:{level}_pressure",
            kernel=f"parcels:{level}_pressure",
            metpy=metpy,
            standard_name="air_pressure",
            valid_range=(1.0, 1100.0),
            comment=comment,
            reference=reference or _CAPE_REFERENCE,
        )
        for level, words, needs, metpy, comment, reference in levels
    ]
    heights = [
        Calculation(
            name=f"{parcel}{level}_height",
            long_name=f"height above ground of the {words}, {meaning}",
            units="m",
            inputs=(f"{parcel}{level}_pressure", "pressure", "height", "ground_height"),
            function=f"{ADAPTERS}.parcels:height_above_ground",
            kernel="parcels:height_above_ground",
            metpy=metpy,
            standard_name=_height_standard_name(level, parcel),
            valid_range=(0.0, 30000.0),
            comment=f"{comment} The profile's own heights, interpolated in ln p.".strip(),
            reference=reference or _CAPE_REFERENCE,
        )
        for level, words, _, metpy, comment, reference in levels
    ]
    temperature = Calculation(
        name=f"{parcel}lcl_temperature",
        long_name=f"temperature at the lifting condensation level, {meaning}",
        units="degC",
        inputs=(f"{parcel}_lcl",),
        function=f"{ADAPTERS}.parcels:lcl_temperature",
        kernel="parcels:lcl_temperature",
        metpy="lcl",
        standard_name="air_temperature",
        temperature_kind="on_scale",
        valid_range=(-100.0, 50.0),
        reference=_LCL_REFERENCE,
    )
    return [pressures[0], temperature, *pressures[1:], *heights]


def _height_standard_name(level: str, parcel: str) -> str:
    names = {
        "lcl": "atmosphere_lifting_condensation_level",
        "lfc": "atmosphere_level_of_free_convection",
    }
    if level not in names:
        return ""  # CF has no name for the equilibrium level
    return names[level] + ("_wrt_surface" if parcel == "sb" else "")


def _lifted_index(parcel: str, meaning: str) -> Calculation:
    lifted = "temperature_difference_between_ambient_air_and_air_lifted_adiabatically"
    return Calculation(
        name=f"{parcel}_lifted_index",
        long_name=f"lifted index at 500 hPa, {meaning}",
        units="K",
        inputs=(f"{parcel}_ascent",),
        function=f"{ADAPTERS}.parcels:lifted_index",
        kernel="parcels:lifted_index",
        metpy="lifted_index",
        standard_name=lifted + ("_from_the_surface" if parcel == "sb" else ""),
        temperature_kind="difference",
        valid_range=(-30.0, 60.0),
        comment="Surroundings minus parcel at 500 hPa: negative is unstable.",
        reference="Galway 1956, Bull. Amer. Meteor. Soc. 37, 528-529",
    )


def _shared_steps(parcel: str) -> list[Calculation]:
    """Return the steps that everything about a parcel shares: start, ascent, virtual ascent."""
    return [
        Calculation(
            name=f"{parcel}_start",
            inputs=("sb_start",) if parcel == "mu" else _ENVIRONMENT,
            function=f"{ADAPTERS}.parcels:{parcel}_start",
            kernel=f"parcels:{parcel}_start",
            metpy={"sb": "", "ml": "mixed_parcel", "mu": "most_unstable_parcel"}[parcel],
        ),
        Calculation(
            name=f"{parcel}_lcl",
            inputs=(f"{parcel}_start",),
            function=f"{ADAPTERS}.parcels:lifting_condensation_level",
            kernel="parcels:lifting_condensation_level",
            metpy="lcl",
        ),
        Calculation(
            name=f"{parcel}_ascent",
            inputs=(f"{parcel}_start",),
            function=f"{ADAPTERS}.parcels:ascent",
            kernel="parcels:ascent",
            metpy="parcel_profile_with_lcl",
        ),
        Calculation(
            name=f"{parcel}_virtual_ascent",
            inputs=(f"{parcel}_ascent",),
            function=f"{ADAPTERS}.parcels:virtual_ascent",
            kernel="parcels:virtual_ascent",
            metpy="virtual_temperature",
        ),
    ]


SHARED = tuple(step for parcel in _PARCELS for step in _shared_steps(parcel))

CALCULATIONS = (
    *(
        calculation
        for parcel, meaning in _PARCELS.items()
        for calculation in (
            *_cape_and_cin(parcel, meaning),
            *_level_pressures(parcel, meaning),
            _lifted_index(parcel, meaning),
        )
    ),
    Calculation(
        name="mu_parcel_pressure",
        long_name="pressure at which the most unstable parcel starts",
        units="hPa",
        inputs=("mu_start",),
        function=f"{ADAPTERS}.parcels:start_pressure",
        kernel="parcels:start_pressure",
        metpy="most_unstable_parcel",
        standard_name="original_air_pressure_of_lifted_parcel",
        valid_range=(1.0, 1100.0),
        reference="MetPy documentation of most_unstable_parcel",
    ),
    Calculation(
        name="dcape",
        long_name="downdraft convective available potential energy",
        units="J kg-1",
        inputs=_ENVIRONMENT,
        function="metpy.calc:downdraft_cape",
        kernel="parcels:dcape",
        metpy="downdraft_cape",
        pick=0,
        spans=(700.0, 500.0),
        valid_range=(-3000.0, 5000.0),
        comment="Downdraft from the lowest equivalent potential temperature in 700-500 hPa.",
        reference="Gilmore and Wicker 1998, Mon. Wea. Rev. 126, 943-958",
    ),
)

#: For the post-conditions; not part of the group, but may be asked for by name.
DIAGNOSTICS = tuple(
    Calculation(
        name=f"{parcel}_positive_area",
        long_name=f"energy of all layers above the LCL in which it is buoyant, {meaning}",
        units="J kg-1",
        inputs=(f"{parcel}_virtual_ascent", f"{parcel}lcl_pressure"),
        function=f"{ADAPTERS}.parcels:positive_area",
        kernel="parcels:positive_area",
        valid_range=(0.0, 20000.0),
        comment="Does not depend on where MetPy finds LFC and EL: a check on its CAPE.",
    )
    for parcel, meaning in _PARCELS.items()
) + tuple(
    Calculation(
        name=f"{parcel}_top_buoyancy",
        long_name=f"parcel minus surroundings at the top of the data, {meaning}",
        units="K",
        inputs=(f"{parcel}_virtual_ascent",),
        function=f"{ADAPTERS}.parcels:top_buoyancy",
        kernel="parcels:top_buoyancy",
        temperature_kind="difference",
        comment="Virtual temperature. Positive: the data end below the equilibrium level.",
    )
    for parcel, meaning in _PARCELS.items()
)
