"""Shear, helicity and storm motion, from the ground up or not at all, as MetPy computes them.

Pressures in hPa, heights in m above mean sea level, winds in m s-1, on the levels that have all
of them, from the ground up.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pipeline.engines.compiled import missing
from pipeline.engines.compiled._numba import compiled, kernel
from pipeline.engines.compiled.layers import (
    layer_between,
    layer_between_heights,
    mean,
    pressure_weighted_mean,
    value_at_bottom,
    value_at_top,
)
from pipeline.engines.compiled.types import Codes, FloatArray, Offsets, Scalars

#: The lowest wind may be this far (m) above the ground and still count as the surface wind.
SURFACE_WIND_TOLERANCE = 50.0
#: How far the Bunkers movers are from the mean wind, in m s-1.
BUNKERS_DEVIATION = 7.5


class Motions(NamedTuple):
    """Storm motions: u and v of each, one row a component, in m s-1."""

    components: FloatArray
    codes: Codes


@compiled
def why_no_layer(height: FloatArray, ground_height: float, depth: float) -> int:
    """Return why the winds do not reach from the ground to a depth in m; 0 where they do."""
    if len(height) < 2:
        return missing.NO_WINDS
    if math.isnan(ground_height):
        return missing.NO_GROUND_HEIGHT
    if height[0] - ground_height > SURFACE_WIND_TOLERANCE:
        return missing.NO_WIND_AT_GROUND
    if height[-1] - height[0] < depth:
        return missing.WINDS_TOO_LOW
    return missing.NOTHING


@compiled
def shear_vector(
    pressure: FloatArray, height: FloatArray, u_wind: FloatArray, v_wind: FloatArray, depth: float
) -> tuple[float, float]:
    """Return the wind at a depth (m) above the lowest level minus that at the lowest level."""
    layer = layer_between_heights(pressure, height, height[0], depth)
    return (
        value_at_top(u_wind, layer) - value_at_bottom(u_wind, layer),
        value_at_top(v_wind, layer) - value_at_bottom(v_wind, layer),
    )


@kernel
def bulk_shear(
    wind_starts: Offsets,
    wind_pressure: FloatArray,
    wind_height: FloatArray,
    u_wind: FloatArray,
    v_wind: FloatArray,
    ground_height: FloatArray,
    depth: float,
) -> Scalars:
    """Return the magnitude of the shear between the ground and a height above it in m."""
    count = len(wind_starts) - 1
    values, codes = np.empty(count), np.empty(count, np.uint8)
    for profile in range(count):
        part = slice(wind_starts[profile], wind_starts[profile + 1])
        height = wind_height[part]
        codes[profile] = why_no_layer(height, ground_height[profile], depth)
        values[profile] = np.nan
        if codes[profile] == missing.NOTHING:
            u, v = shear_vector(wind_pressure[part], height, u_wind[part], v_wind[part], depth)
            values[profile] = math.hypot(u, v)
    return values, codes


@compiled
def mean_wind(
    pressure: FloatArray,
    height: FloatArray,
    u_wind: FloatArray,
    v_wind: FloatArray,
    bottom: float,
    depth: float,
) -> tuple[float, float]:
    """Return the mean wind over pressure of a layer above a height in m."""
    layer = layer_between_heights(pressure, height, bottom, depth)
    return mean(pressure, u_wind, layer), mean(pressure, v_wind, layer)


@compiled
def bunkers_motions(
    pressure: FloatArray, height: FloatArray, u_wind: FloatArray, v_wind: FloatArray
) -> tuple[float, float, float, float, float, float]:
    """Return u and v of the right mover, the left mover and the mean wind (Bunkers et al. 2000).

    The movers lie 7.5 m s-1 to the right and left of the 0-6 km mean wind, across the shear
    between the mean winds of 0-500 m and 5.5-6 km. Without shear they are NaN.
    """
    ground = height[0]
    mean_u, mean_v = mean_wind(pressure, height, u_wind, v_wind, ground, 6000.0)
    low_u, low_v = mean_wind(pressure, height, u_wind, v_wind, ground, 500.0)
    high_u, high_v = mean_wind(pressure, height, u_wind, v_wind, ground + 5500.0, 500.0)
    shear_u, shear_v = high_u - low_u, high_v - low_v
    stretch = BUNKERS_DEVIATION / math.hypot(shear_u, shear_v)
    across_u, across_v = shear_v * stretch, -shear_u * stretch
    right_u, right_v = mean_u + across_u, mean_v + across_v
    return right_u, right_v, mean_u - across_u, mean_v - across_v, mean_u, mean_v


@kernel
def bunkers_storm_motion(
    wind_starts: Offsets,
    wind_pressure: FloatArray,
    wind_height: FloatArray,
    u_wind: FloatArray,
    v_wind: FloatArray,
    ground_height: FloatArray,
) -> Motions:
    """Return u and v of the right mover, the left mover and the mean wind."""
    count = len(wind_starts) - 1
    components, codes = np.empty((6, count)), np.empty(count, np.uint8)
    for profile in range(count):
        part = slice(wind_starts[profile], wind_starts[profile + 1])
        height = wind_height[part]
        codes[profile] = why_no_layer(height, ground_height[profile], 6000.0)
        components[:, profile] = np.nan
        if codes[profile] == missing.NOTHING:
            motions = bunkers_motions(wind_pressure[part], height, u_wind[part], v_wind[part])
            for index in range(6):
                components[index, profile] = motions[index]
    return Motions(components, codes)


@compiled
def corfidi_vectors(
    pressure: FloatArray, u_wind: FloatArray, v_wind: FloatArray
) -> tuple[float, float, float, float]:
    """Return u and v of the upwind and the downwind vector (Corfidi 2003).

    The mean wind of 850-300 hPa, once or twice, minus the low-level jet: the strongest wind at or
    below 850 hPa, the lowest of equals.
    """
    jet, strongest = 0, -1.0
    for level in range(len(pressure)):
        if pressure[level] < 850.0:
            break
        speed = math.hypot(u_wind[level], v_wind[level])
        if speed > strongest:
            jet, strongest = level, speed
    cloud_layer = layer_between(pressure, 850.0, 300.0)
    mean_u = pressure_weighted_mean(pressure, u_wind, cloud_layer)
    mean_v = pressure_weighted_mean(pressure, v_wind, cloud_layer)
    upwind_u, upwind_v = mean_u - u_wind[jet], mean_v - v_wind[jet]
    return upwind_u, upwind_v, 2.0 * mean_u - u_wind[jet], 2.0 * mean_v - v_wind[jet]


@kernel
def corfidi_storm_motion(
    wind_starts: Offsets, wind_pressure: FloatArray, u_wind: FloatArray, v_wind: FloatArray
) -> Motions:
    """Return u and v of the upwind and the downwind vector, for a cloud layer of 850-300 hPa."""
    count = len(wind_starts) - 1
    components, codes = np.empty((4, count)), np.empty(count, np.uint8)
    for profile in range(count):
        part = slice(wind_starts[profile], wind_starts[profile + 1])
        pressure = wind_pressure[part]
        components[:, profile] = np.nan
        codes[profile] = missing.NOTHING
        if len(pressure) < 2:
            codes[profile] = missing.NO_WINDS
        elif pressure[0] < 850.0 or pressure[-1] > 300.0:
            codes[profile] = missing.WINDS_NOT_850_TO_300
        else:
            vectors = corfidi_vectors(pressure, u_wind[part], v_wind[part])
            for index in range(4):
                components[index, profile] = vectors[index]
    return Motions(components, codes)


def component(motions: Motions, index: int) -> Scalars:
    """Return one of the components that a shared step computed together."""
    return motions.components[index], motions.codes


@compiled
def helicity(
    height: FloatArray,
    u_wind: FloatArray,
    v_wind: FloatArray,
    storm_u: float,
    storm_v: float,
    depth: float,
) -> float:
    """Return total storm-relative helicity in m2 s-2 (Markowski and Richardson 2010, p. 230).

    The sum over the hodograph's sides, of which MetPy drops those that are NaN: 0 for a storm
    motion that is. The top is interpolated linearly in height, and stays a node beside a level
    within a relative 1e-5 above it.
    """
    u_below, v_below = u_wind[0] - storm_u, v_wind[0] - storm_v
    positive, negative = 0.0, 0.0
    reached_top = False
    level = 1
    while level < len(height):
        above = height[level] - height[0]
        if above > depth and not reached_top:
            below = height[level - 1] - height[0]
            weight = (depth - below) / (above - below)
            u = u_wind[level - 1] + (u_wind[level] - u_wind[level - 1]) * weight - storm_u
            v = v_wind[level - 1] + (v_wind[level] - v_wind[level - 1]) * weight - storm_v
        elif above <= depth + 1e-8 + 1e-5 * depth:
            u, v = u_wind[level] - storm_u, v_wind[level] - storm_v
            level += 1
        else:
            break
        reached_top = above >= depth
        side = u * v_below - u_below * v
        positive += side if side > 0.0 else 0.0
        negative += side if side < 0.0 else 0.0
        u_below, v_below = u, v
    return positive + negative


@kernel
def storm_relative_helicity(
    wind_starts: Offsets,
    wind_height: FloatArray,
    u_wind: FloatArray,
    v_wind: FloatArray,
    ground_height: FloatArray,
    storm_motion: Motions,
    depth: float,
) -> Scalars:
    """Return the total storm-relative helicity of a layer from the ground, for the right mover."""
    count = len(wind_starts) - 1
    values, codes = np.empty(count), np.empty(count, np.uint8)
    components = storm_motion.components
    for profile in range(count):
        part = slice(wind_starts[profile], wind_starts[profile + 1])
        # The storm motion's reason includes all reasons of a layer that is less deep.
        codes[profile] = storm_motion.codes[profile]
        values[profile] = np.nan
        if codes[profile] == missing.NOTHING:
            storm_u, storm_v = components[0, profile], components[1, profile]
            values[profile] = helicity(
                wind_height[part], u_wind[part], v_wind[part], storm_u, storm_v, depth
            )
    return values, codes


@kernel
def critical_angle(
    wind_starts: Offsets,
    wind_pressure: FloatArray,
    wind_height: FloatArray,
    u_wind: FloatArray,
    v_wind: FloatArray,
    ground_height: FloatArray,
    storm_motion: Motions,
) -> Scalars:
    """Return the angle in degrees between the 0-500 m shear and the storm-relative inflow.

    For the right mover (Esterheld and Giuliano 2008). NaN without shear or inflow.
    """
    count = len(wind_starts) - 1
    values, codes = np.empty(count), np.empty(count, np.uint8)
    components = storm_motion.components
    for profile in range(count):
        first = wind_starts[profile]
        part = slice(first, wind_starts[profile + 1])
        codes[profile] = storm_motion.codes[profile]
        values[profile] = np.nan
        if codes[profile] == missing.NOTHING:
            shear_u, shear_v = shear_vector(
                wind_pressure[part], wind_height[part], u_wind[part], v_wind[part], 500.0
            )
            inflow_u = components[0, profile] - u_wind[first]
            inflow_v = components[1, profile] - v_wind[first]
            lengths = math.sqrt(shear_u**2 + shear_v**2) * math.sqrt(inflow_u**2 + inflow_v**2)
            cosine = (shear_u * inflow_u + shear_v * inflow_v) / lengths
            values[profile] = math.degrees(math.acos(cosine))
    return values, codes
