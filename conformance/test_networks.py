"""Whole networks: what primitives make together agrees with the reference, from the first layer to the last.

Bounds that are carried forward grow with every layer, and soon say nothing. So each layer of a network is judged to
first order instead (reference/arithmetic/reading.py): each of a few random numbers of it may err
by twice what the roundings of all operations before it add up to. Where that exceeds a tenth of the largest, the
layer is vacuous, and not decided. In low formats it always would: so each call is judged by itself besides, with the
bound carried forward through that call, and gets what the backend has computed before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adapters.backend import Backend, BackendError, Network
from conformance.cases import CASES
from conformance.judged import judged
from properties import agreement
from properties.agreement import Raised, about, agree_along
from properties.law import stands_for
from properties.law import statement as says
from properties.sides import Steps, bounded, carried_forward, to_first_order
from properties.strategies.networks import Given, encoder_and_decoder, images, residual_network, sentences
from properties.trial import Check, depth_of_run, entropy_of
from reference.arithmetic import Bounded, Format, weighed
from reference.arithmetic.formats import holds_numbers

WEIGHTED = 1  # numbers of a layer in one sum: the bound of many grows faster than the sum does


@dataclass(frozen=True)
class Whole:
    """A network on trial.

    sizes: one, or of a large network one for depth "default" and one for "deep", the only one at which it is judged to
    first order; largest: what is tried deep where each call is judged by itself, and nothing has to be remembered.
    """

    name: str
    network: Network
    inputs: Callable[[int, Format, np.random.Generator], Given]
    sizes: tuple[int, ...]
    largest: int

    @property
    def is_large(self) -> bool:
        return len(self.sizes) > 1

    def part(self, check: str) -> str:
        """To first order everything that is computed is remembered."""
        return ("largest networks" if check == "NETWORK" else "large networks") if self.is_large else "networks"

    @property
    def draws(self) -> int:
        """How many numbers of a layer are judged; each takes a sweep through all that is before it."""
        return depth_of_run().large_networks if self.is_large else depth_of_run().lane_draws

    def given(self, backend: Backend, check: Check) -> Given:
        by_depth = self.sizes if check.property == "network" else (self.sizes[0], self.largest)
        size = by_depth[min(max(depth_of_run().large_networks, 1), len(by_depth)) - 1]
        return self.inputs(size, backend.format, np.random.default_rng(entropy_of(check)))


# With all of its channels. To first order an image of 224 x 224, as in the lecture, would take three times the memory
# that a process should have; call by call it does not.
NETWORKS = (
    Whole("transformer", encoder_and_decoder, sentences, (6,), 24),
    Whole("resnet18", residual_network, images, (32, 64), 224),
)

Body = Callable[[Backend, Whole, Given, np.random.Generator], None]


def whole(name: str, formats: tuple[str, ...]) -> Callable[[Body], Callable[[Backend, Whole], None]]:
    """Make a test of each network."""

    def decorate(body: Body) -> Callable[[Backend, Whole], None]:
        checks = {
            case: Check(f"{name} {case.name}", case.name, name.lower(), says(body), formats, case.part(name))
            for case in NETWORKS
        }

        def test(backend: Backend, case: Whole) -> None:
            check, tally = checks[case], agreement.tally
            given = case.given(backend, check)
            tally.problems = tally.draws = tally.drawn = 1
            for x in given.values():
                tally.digest.update(np.ascontiguousarray(x).tobytes())
            try:
                with np.errstate(all="ignore"):
                    body(backend, case, given, np.random.default_rng(entropy_of(check)))
            except BackendError as error:
                raise Raised(str(error)) from None
            finally:
                backend.rest()

        return stands_for(body, test, cases=checks)

    return decorate


@whole("NETWORK", ("float64", "float32"))
def test_networks(backend: Backend, case: Whole, given: Given, rng: np.random.Generator) -> None:
    """Each layer of the network is the reference's, within the bound to first order."""
    got = backend.compose(case.network, given)
    carried = case.network(carried_forward(backend), given)
    for (name, want), (_, forward) in zip(case.network(to_first_order(backend), given), carried, strict=True):
        v, largest, shares = want.value.value, float(np.max(np.abs(want.value.value))), []
        for _ in range(case.draws):
            cotangent = weights(v, rng)
            total, room = weighed([want], [cotangent])
            shares.append(agree_along(cotangent, got[name], v, total, room, backend.format, output=name))
        spread = float(np.median(forward.error)) if isinstance(forward, Bounded) else 0.0
        agreement.tally.layers.append({"layer": name, "bound": max(shares), "forward": spread / largest})


def weights(v: Any, rng: np.random.Generator) -> Any:
    """Random weights of some numbers of a layer, which are not small; the others have none."""
    g, flat = np.zeros(v.size), np.abs(v.ravel())
    (large,) = np.nonzero(flat >= np.sqrt(np.mean(flat * flat)))
    g[rng.choice(large, min(WEIGHTED, large.size), replace=False)] = rng.standard_normal(min(WEIGHTED, large.size))
    return g.reshape(v.shape)


@whole("LAYERS", ("float64", "float32", "bfloat16", "float16"))
def test_layers(backend: Backend, case: Whole, given: Given, rng: np.random.Generator) -> None:
    """Each call of the network is the reference's, within its bound, on what the backend computed before."""
    layers, tally = agreement.tally.layers, agreement.tally

    def step(primitive: str, arrays: Sequence[Any], options: Mapping[str, Any]) -> tuple[Any, ...]:
        arrays = [_in_format(x, backend.format) for x in arrays]
        got, want = backend.call(primitive, arrays, options), bounded(backend, primitive, arrays, options)
        with about(f"call {len(layers) + 1}, of {primitive}"):
            judged(got, want, ROWS[primitive], backend)
        y = want[0]
        largest = float(np.max(np.abs(y.value))) or 1.0
        share = float(np.median(y.error)) / largest
        layers.append({"layer": f"{len(layers) + 1} {primitive}", "bound": share, "forward": share})
        return got

    try:
        for _ in case.network(Steps(step), given):
            pass
    finally:
        tally.layers = sorted(layers, key=lambda layer: layer["bound"])[-1:]  # the widest


def _in_format(x: Any, fmt: Format) -> Any:
    """What stands between two calls, such as a sum, is rounded to the format too."""
    return fmt.round(x.astype(np.float64)).astype(fmt.dtype) if holds_numbers(x) else x


ROWS = {case.primitive: case for case in CASES}
