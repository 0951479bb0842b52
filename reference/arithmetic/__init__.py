"""How exactly: number formats, claims about an arithmetic, and arrays that carry error bounds."""

from reference.arithmetic.bounded import Bounded, Condition, OutsideVocabulary
from reference.arithmetic.claims import Arithmetic, default_arithmetic, wide_arithmetic
from reference.arithmetic.formats import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, FORMATS, Format
from reference.arithmetic.reading import (
    differentiated,
    gradient_terms,
    pushed_forward,
    read,
    read_first_order,
    read_gradient,
    read_tangent,
    step_to_first_order,
    weighed,
)
from reference.arithmetic.traced import Traced

__all__ = [
    "BFLOAT16",
    "FLOAT16",
    "FLOAT32",
    "FLOAT64",
    "FORMATS",
    "Arithmetic",
    "Bounded",
    "Condition",
    "Format",
    "OutsideVocabulary",
    "Traced",
    "default_arithmetic",
    "differentiated",
    "gradient_terms",
    "pushed_forward",
    "read",
    "read_first_order",
    "read_gradient",
    "read_tangent",
    "step_to_first_order",
    "weighed",
    "wide_arithmetic",
]
