"""Shear, storm-relative helicity and storm motion; all from the ground up, in m s-1.

A layer that the winds do not span is missing, never partial: MetPy's own functions return a
partial helicity, or 0, without a word.
"""

from __future__ import annotations

from pipeline.calculations.declaration import ADAPTERS, Calculation

_WINDS = ("wind_pressure", "wind_height", "u_wind", "v_wind", "ground_height")
_BUNKERS = "Bunkers et al. 2000, Wea. Forecasting 15, 61-79"
_CORFIDI = "Corfidi 2003, Wea. Forecasting 18, 997-1017"


def _bulk_shear(kilometres: int) -> Calculation:
    return Calculation(
        name=f"bulk_shear_0_{kilometres}km",
        long_name=f"magnitude of the bulk shear from the ground to {kilometres} km",
        units="m s-1",
        inputs=_WINDS,
        function=f"{ADAPTERS}.winds:bulk_shear",
        kernel="winds:bulk_shear",
        metpy="bulk_shear",
        options=(("depth", 1000.0 * kilometres),),
        valid_range=(0.0, 120.0),
        reference="MetPy documentation of bulk_shear",
    )


def _helicity(kilometres: int) -> Calculation:
    return Calculation(
        name=f"srh_0_{kilometres}km",
        long_name=f"storm-relative helicity from the ground to {kilometres} km",
        units="m2 s-2",
        inputs=("wind_height", "u_wind", "v_wind", "ground_height", "storm_motion"),
        function=f"{ADAPTERS}.winds:storm_relative_helicity",
        kernel="winds:storm_relative_helicity",
        metpy="storm_relative_helicity",
        options=(("depth", 1000.0 * kilometres),),
        valid_range=(-3000.0, 3000.0),
        comment=(
            "Relative to the Bunkers right mover, in both hemispheres; total of positive and "
            "negative parts."
        ),
        reference="Markowski and Richardson 2010, Mesoscale Meteorology, pp. 230-231",
    )


def _components(
    shared: str, metpy: str, reference: str, motions: tuple[tuple[str, str], ...]
) -> list[Calculation]:
    """Return the u and v components of storm motions that a shared step computes together."""
    return [
        Calculation(
            name=f"{name}_{component}",
            long_name=f"{direction} component of {meaning}",
            units="m s-1",
            inputs=(shared,),
            function=f"{ADAPTERS}.winds:component",
            kernel="winds:component",
            metpy=metpy,
            options=(("index", 2 * number + ("u", "v").index(component)),),
            valid_range=(-150.0, 150.0),
            reference=reference,
        )
        for number, (name, meaning) in enumerate(motions)
        for component, direction in (("u", "eastward"), ("v", "northward"))
    ]


SHARED = (
    Calculation(
        name="storm_motion",
        inputs=_WINDS,
        function=f"{ADAPTERS}.winds:bunkers_storm_motion",
        kernel="winds:bunkers_storm_motion",
        metpy="bunkers_storm_motion",
    ),
    Calculation(
        name="corfidi_vectors",
        inputs=("wind_pressure", "u_wind", "v_wind"),
        function=f"{ADAPTERS}.winds:corfidi_storm_motion",
        kernel="winds:corfidi_storm_motion",
        metpy="corfidi_storm_motion",
    ),
)

CALCULATIONS = (
    *(_bulk_shear(kilometres) for kilometres in (1, 3, 6)),
    *(_helicity(kilometres) for kilometres in (1, 3)),
    *_components(
        "storm_motion",
        "bunkers_storm_motion",
        _BUNKERS,
        (
            ("bunkers_right", "the Bunkers right mover's motion"),
            ("bunkers_left", "the Bunkers left mover's motion"),
            ("bunkers_mean", "the pressure-weighted mean wind from the ground to 6 km"),
        ),
    ),
    *_components(
        "corfidi_vectors",
        "corfidi_storm_motion",
        _CORFIDI,
        (
            ("corfidi_upwind", "the Corfidi vector of upwind propagation"),
            ("corfidi_downwind", "the Corfidi vector of downwind propagation"),
        ),
    ),
    Calculation(
        name="critical_angle",
        long_name="angle between the shear of the lowest 500 m and the storm-relative inflow",
        units="degree",
        inputs=(*_WINDS, "storm_motion"),
        function=f"{ADAPTERS}.winds:critical_angle",
        kernel="winds:critical_angle",
        metpy="critical_angle",
        valid_range=(0.0, 180.0),
        comment="For the Bunkers right mover, in both hemispheres.",
        reference="Esterheld and Giuliano 2008, Electronic J. Severe Storms Meteor. 3",
    ),
)
