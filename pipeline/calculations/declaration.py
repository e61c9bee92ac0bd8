"""What a declaration in the catalogue says."""

from __future__ import annotations

from dataclasses import dataclass, field

#: What calculations can be computed from, besides each other: name -> (units, meaning).
#: Thermodynamics and winds each come on the levels that have them whole.
BASE_INPUTS = {
    "pressure": ("hPa", "levels with temperature and dewpoint, from the surface up"),
    "temperature": ("degC", "on the levels of `pressure`"),
    "dewpoint": ("degC", "on the levels of `pressure`"),
    "height": ("m", "above mean sea level, on the levels of `pressure`"),
    "wind_pressure": ("hPa", "levels with wind and height, from the surface up"),
    "wind_height": ("m", "above mean sea level, on the levels of `wind_pressure`"),
    "u_wind": ("m s-1", "towards east, on the levels of `wind_pressure`"),
    "v_wind": ("m s-1", "towards north, on the levels of `wind_pressure`"),
    "ground_height": ("m", "of the lowest level above mean sea level"),
}


@dataclass(frozen=True, kw_only=True)
class Calculation:
    """An entry of the catalogue: one number a profile, one a level, or a step shared by several.

    Parameters
    ----------
    name : str
        As in the output file and in a config.
    long_name : str
        One line for a person, without units.
    units : str
        As written; the function's result is converted to them. Empty for a shared step, which is
        computed for others and not written.
    inputs : tuple of str
        Arguments of the function, in order: names of `BASE_INPUTS` or of other calculations,
        given as pint quantities (a shared step's result is handed on as it is).
    function : str
        ``module:function`` to call.
    metpy : str
        The function of ``metpy.calc`` behind it, for people.
    kernel : str
        ``module:function`` in ``pipeline.engines.compiled`` that computes the same; empty where
        there is none, and the MetPy engine computes it in a compiled run too.
    options : tuple of (str, object)
        Keyword arguments of the function that are the same for every profile.
    pick : int or None
        Which of several results; calculations that differ only in this share one call.
    standard_name : str
        CF standard name, where one fits.
    temperature_kind : {"", "on_scale", "difference"}
        For temperatures: CF's ``units_metadata``.
    valid_range : tuple of float
        Results outside are masked and flagged.
    spans : tuple of float
        Pressures (hPa) that the levels must reach on both sides; otherwise the result is missing.
    per_level : bool
        One value a level instead of one a profile.
    comment : str
        What a careful reader must know: definition, sign, layer.
    reference : str
        Where it is defined.
    """

    name: str
    long_name: str = ""
    units: str = ""
    inputs: tuple[str, ...]
    function: str
    metpy: str = ""
    kernel: str = ""
    options: tuple[tuple[str, object], ...] = ()
    pick: int | None = None
    standard_name: str = ""
    temperature_kind: str = ""
    valid_range: tuple[float, float] = (float("-inf"), float("inf"))
    spans: tuple[float, ...] = ()
    per_level: bool = False
    comment: str = ""
    reference: str = ""
    group: str = field(default="")

    @property
    def attributes(self) -> dict[str, object]:
        """The CF attributes of its variable in the output."""
        low, high = self.valid_range
        candidates: dict[str, object] = {
            "long_name": self.long_name,
            "standard_name": self.standard_name,
            "units": self.units,
            "units_metadata": f"temperature: {self.temperature_kind}" * bool(self.temperature_kind),
            "comment": self.comment,
            "references": self.reference,
            "metpy_function": self.metpy,
            "coverage_content_type": "physicalMeasurement",
        }
        attributes = {name: value for name, value in candidates.items() if value}
        if low > float("-inf"):
            attributes["valid_min"] = float(low)
        if high < float("inf"):
            attributes["valid_max"] = float(high)
        return attributes


#: Where the functions live that adapt MetPy's to the catalogue, in modules of the same names.
ADAPTERS = "pipeline.engines.adapters"
