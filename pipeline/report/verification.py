"""What comparing results with MetPy has found, for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.calculations import CATALOGUE

if TYPE_CHECKING:
    from pipeline.verify import Verification

#: Mismatches that are printed; the count tells of the others.
MOST_LINES = 20


def describe_verification(found: Verification) -> str:
    """Return the largest difference of each result, and what is beyond tolerance."""
    lines = [f"{found.profiles} profiles computed again by MetPy"]
    if found.largest:
        lines[0] += "; the largest differences are"
    for name, value in found.largest.items():
        units = CATALOGUE[name].units if name in CATALOGUE else ""
        lines.append(f"  {name:<34} {value:.3g} {units}".rstrip())
    if not found.mismatches:
        lines.append("all within tolerance" if found.profiles else "there was nothing to compare")
    else:
        lines.append(f"{len(found.mismatches)} beyond tolerance, or missing in one of the two:")
        lines += [f"  {mismatch}" for mismatch in found.mismatches[:MOST_LINES]]
    if found.within_noise:
        lines.append(
            f"{len(found.within_noise)} more within the noise of MetPy's solver (it agrees for "
            "levels moved by 0.0001 K at most):"
        )
        lines += [f"  {mismatch}" for mismatch in found.within_noise[:MOST_LINES]]
    if found.warning:
        lines.append(f"warning: {found.warning}")
    return "\n".join(lines)
