"""The formulas of moist air, as MetPy 1.7.1 writes them and with its constants.

Pressures are in hPa, temperatures in K, mixing ratios in kg kg-1, for the state of one parcel.
Saturation is over liquid water at all temperatures. NaN in, NaN out.
"""

from __future__ import annotations

import math

from pipeline.engines.compiled._numba import compiled

# MetPy's constants (``metpy.constants.nounit``), in SI units except where said.
DRY_AIR_GAS_CONSTANT = 287.04749097718457  # Rd, J kg-1 K-1
VAPOR_GAS_CONSTANT = 461.52311572606084  # Rv, J kg-1 K-1
DRY_AIR_HEAT = 1004.6662184201462  # Cp_d, J kg-1 K-1
VAPOR_HEAT = 1860.078011865639  # Cp_v, J kg-1 K-1
WATER_HEAT = 4219.400000000001  # Cp_l, J kg-1 K-1
LATENT_HEAT = 2500840.0  # Lv at the triple point, J kg-1
EPSILON = 0.6219569100577033  # molecular weight of water over that of dry air
KAPPA = 0.28571428571428564  # Rd / Cp_d
TRIPLE_POINT = 273.16  # T0, K
TRIPLE_POINT_VAPOR_PRESSURE = 6.112  # hPa
ZERO_CELSIUS = 273.15  # K
REFERENCE_PRESSURE = 1000.0  # of potential temperature, hPa
GRAVITY = 9.80665  # m s-2
WATER_DENSITY = 999.97495  # kg m-3

#: More steps than air that can be takes to find its LCL; what needs more has none.
MOST_STEPS = 20

# The latent heat falls by this with temperature, J kg-1 K-1.
_HEAT_DIFFERENCE = WATER_HEAT - VAPOR_HEAT
HEAT_POWER = _HEAT_DIFFERENCE / VAPOR_GAS_CONSTANT
#: Latent heat extrapolated to 0 K over Rv: Ambaum's exponent is linear in 1/T with this slope.
LATENT_TEMPERATURE = (LATENT_HEAT + _HEAT_DIFFERENCE * TRIPLE_POINT) / VAPOR_GAS_CONSTANT


@compiled
def saturation_vapor_pressure(temperature: float) -> float:
    """Return saturation vapour pressure over liquid water in hPa (Ambaum 2020, eq. 13).

    ``e = es0 (T0/T)^((cl-cpv)/Rv) exp((L0/T0 - L(T)/T)/Rv)`` with a latent heat ``L(T)`` linear in
    temperature, both factors in one exponential.
    """
    ratio = TRIPLE_POINT / temperature
    exponent = LATENT_TEMPERATURE / TRIPLE_POINT * (1.0 - ratio) + HEAT_POWER * math.log(ratio)
    return TRIPLE_POINT_VAPOR_PRESSURE * math.exp(exponent)


@compiled
def mixing_ratio(vapor_pressure: float, pressure: float) -> float:
    """Return the mixing ratio of water vapour (Hobbs 1977, p. 73)."""
    return EPSILON * vapor_pressure / (pressure - vapor_pressure)


@compiled
def saturation_mixing_ratio(pressure: float, temperature: float) -> float:
    """Return the saturation mixing ratio; NaN where water boils (``e_s >= p``)."""
    vapor_pressure = saturation_vapor_pressure(temperature)
    if vapor_pressure >= pressure:
        return math.nan
    return mixing_ratio(vapor_pressure, pressure)


@compiled
def specific_humidity(mixing_ratio: float) -> float:
    """Return specific humidity from a mixing ratio."""
    return mixing_ratio / (1.0 + mixing_ratio)


@compiled
def vapor_pressure(pressure: float, mixing_ratio: float) -> float:
    """Return the vapour pressure in hPa of air with a mixing ratio (Hobbs 1977, p. 71)."""
    return pressure * mixing_ratio / (EPSILON + mixing_ratio)


@compiled
def log_relative_humidity(temperature: float, dewpoint: float) -> float:
    """Return the logarithm of relative humidity as a fraction: of ``e_s(Td) / e_s(T)``."""
    slope = LATENT_TEMPERATURE * (1.0 / temperature - 1.0 / dewpoint)
    return slope + HEAT_POWER * math.log(temperature / dewpoint)


@compiled
def relative_humidity(temperature: float, dewpoint: float) -> float:
    """Return relative humidity as a fraction."""
    return math.exp(log_relative_humidity(temperature, dewpoint))


@compiled
def virtual_temperature(temperature: float, mixing_ratio: float) -> float:
    """Return virtual temperature in K from temperature in K and mixing ratio."""
    return temperature * ((mixing_ratio + EPSILON) / (EPSILON * (1.0 + mixing_ratio)))


@compiled
def virtual_temperature_from_dewpoint(
    pressure: float, temperature: float, dewpoint: float
) -> float:
    """Return virtual temperature in K; NaN where water boils at the dewpoint."""
    return virtual_temperature(temperature, saturation_mixing_ratio(pressure, dewpoint))


@compiled
def dewpoint(vapor_pressure: float) -> float:
    """Return dewpoint in K from vapour pressure in hPa: Bolton's (1980) formula inverted.

    MetPy computes saturation by Ambaum (2020) and inverts it by Bolton (1980), so this does not
    quite undo `saturation_vapor_pressure`.
    """
    logarithm = math.log(vapor_pressure / TRIPLE_POINT_VAPOR_PRESSURE)
    return ZERO_CELSIUS + 243.5 * logarithm / (17.67 - logarithm)


@compiled
def exner_function(pressure: float) -> float:
    """Return ``(p / 1000 hPa) ** (Rd / cp)``."""
    return (pressure / REFERENCE_PRESSURE) ** KAPPA


@compiled
def potential_temperature(pressure: float, temperature: float) -> float:
    """Return potential temperature in K."""
    return temperature / exner_function(pressure)


@compiled
def dry_lapse(pressure: float, temperature: float, reference_pressure: float) -> float:
    """Return the temperature in K of dry air brought from a reference pressure to another."""
    return temperature * (pressure / reference_pressure) ** KAPPA


@compiled
def equivalent_potential_temperature(pressure: float, temperature: float, dewpoint: float) -> float:
    """Return equivalent potential temperature in K (Bolton 1980, eqs. 15, 24 and 39)."""
    vapor_pressure = saturation_vapor_pressure(dewpoint)
    if vapor_pressure >= pressure:
        return math.nan
    ratio = mixing_ratio(vapor_pressure, pressure)
    lcl_temperature = 56.0 + 1.0 / (
        1.0 / (dewpoint - 56.0) + math.log(temperature / dewpoint) / 800.0
    )
    logarithm = (
        KAPPA * math.log(REFERENCE_PRESSURE / (pressure - vapor_pressure))
        + 0.28 * ratio * math.log(temperature / lcl_temperature)
        + ratio * (1.0 + 0.448 * ratio) * (3036.0 / lcl_temperature - 1.78)
    )
    return temperature * math.exp(logarithm)


@compiled
def lifting_condensation_level(
    pressure: float, temperature: float, dewpoint: float
) -> tuple[float, float]:
    """Return pressure (hPa) and temperature (K) of a parcel's LCL (Romps 2017).

    Where MetPy has Romps' solution by Lambert's function (eq. 22), here is the equation that it
    solves, ``c (exp v - 1) + v = ln(RH) / a`` for ``v = ln(T / T_LCL)``. Halley's method, of third
    order, solves it to the last digits in two or three steps, and needs half the logarithms.
    """
    humidity = specific_humidity(saturation_mixing_ratio(pressure, dewpoint))
    heat = DRY_AIR_HEAT + humidity * (VAPOR_HEAT - DRY_AIR_HEAT)
    gas_constant = DRY_AIR_GAS_CONSTANT + humidity * (VAPOR_GAS_CONSTANT - DRY_AIR_GAS_CONSTANT)
    heat_ratio = heat / gas_constant
    a = heat_ratio + HEAT_POWER
    c = -LATENT_TEMPERATURE / temperature / a
    wanted = log_relative_humidity(temperature, dewpoint) / a
    v = 0.0
    for _ in range(MOST_STEPS):
        curvature = c * math.exp(v)
        excess, slope = curvature - c + v - wanted, curvature + 1.0
        step = excess * slope / (slope * slope - 0.5 * excess * curvature)
        v -= step
        if abs(step) < 1e-5:  # so the next would be below 1e-15
            return pressure * math.exp(-heat_ratio * v), temperature * math.exp(-v)
    return math.nan, math.nan
