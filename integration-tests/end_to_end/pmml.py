"""PMML documents small enough that their answers can be told by looking at them."""

from typing import Mapping, Optional

_HEAD = '<?xml version="1.0"?>\n<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4">\n<Header/>\n'


def linear(intercept: float, coefficients: Mapping[str, float], missing: Optional[str] = None) -> bytes:
    """quality = intercept + the sum of coefficient * field. `missing` is the missingValueTreatment of every field."""
    treatment = f' missingValueTreatment="{missing}"' if missing else ""
    fields = "".join(f'<DataField name="{name}" optype="continuous" dataType="double"/>\n' for name in ("quality", *coefficients))
    schema = "".join(f'<MiningField name="{name}"{treatment}/>\n' for name in coefficients)
    terms = "".join(f'<NumericPredictor name="{name}" coefficient="{value!r}"/>\n' for name, value in coefficients.items())
    return (
        f"{_HEAD}<DataDictionary>\n{fields}</DataDictionary>\n"
        f'<RegressionModel functionName="regression">\n<MiningSchema>\n<MiningField name="quality" usageType="target"/>\n{schema}</MiningSchema>\n'
        f'<RegressionTable intercept="{intercept!r}">\n{terms}</RegressionTable>\n</RegressionModel>\n</PMML>\n'
    ).encode()


def constant(value: float) -> bytes:
    """Answers every record with the same quality."""
    return linear(value, {"alcohol": 0.0})
