"""The sandbox: its particles obey the printed formulas, and its energy means one thing all the time."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow
Visits = Callable[..., Any]


def recomputed(world: dict[str, Any]) -> dict[str, float]:
    """The three printed formulas, from the positions."""
    n, k = world["n"], world["k"]
    z, m = (np.array(world[name]).reshape(n, 2) @ [1, 1j] for name in ("positions", "anchors"))
    phase = 2 * np.pi * k * np.arange(n) / n
    magnet = (z * np.exp(-1j * phase)).mean()
    wells = world["A"] * np.exp(-(abs(z - m) ** 2) / (2 * world["sigma"] ** 2))
    each = world["decay"] / 2 * abs(z) ** 2 + world["beta"] / 4 * abs(z) ** 4 - wells
    error = (np.angle(z) - phase) % (2 * np.pi)
    q = np.histogram(error, world["bins"], (0, 2 * np.pi))[0] / n
    q = q[q > 0]
    return {
        "energy": each.mean() - world["J"] / 2 * abs(magnet) ** 2,
        "order": abs(np.exp(1j * error).mean()),
        "entropy": -(q * np.log(q)).sum() / np.log(world["bins"]),
    }


def test_the_sandbox_tells_what_its_particles_do(visit: Visits) -> None:
    v = visit()
    for moves, decay in ((0, 0.0), (40, 0.3), (700, 1.2)):
        world = v.page.evaluate(
            """([moves, decay]) => { const B = Timeless.sandbox, w = B.fresh();
            w.decay = decay; for (let i = 0; i < moves; i++) B.move(w);
            return B.snapshot(w); }""",
            [moves, decay],
        )
        for name, value in recomputed(world).items():
            assert world[name] == pytest.approx(value, abs=1e-9), name
        assert (world["order"] > 0.9) == (decay > 1)


def test_the_trigger_crystallises_and_reset_undoes_it(visit: Visits) -> None:
    v = visit(reduced_motion="reduce")  # all moves at once: nothing to wait for
    node = v.figure("sandbox")
    fresh = v.page.evaluate("Timeless.sandbox.snapshot(Timeless.sandbox.world)")
    node.get_by_text("Trigger phase transition").click()
    after = v.page.evaluate("Timeless.sandbox.snapshot(Timeless.sandbox.world)")
    assert after["order"] > 0.9 > fresh["order"]
    assert after["entropy"] < fresh["entropy"]
    assert f"Ψ {after['order']:.3f}" in node.locator("p.reading").inner_text()
    node.get_by_text("Reset").click()
    assert v.page.evaluate("Timeless.sandbox.snapshot(Timeless.sandbox.world)") == fresh


def test_the_real_tokens_are_measured_likewise(visit: Visits) -> None:
    v = visit("#particles=real")
    node = v.figure("sandbox")
    v.settle()
    world = v.page.evaluate("Timeless.sandbox.snapshot(Timeless.sandbox.real(Timeless.current(), 6))")
    for name, value in recomputed(world).items():
        assert world[name] == pytest.approx(value, abs=1e-9), name
    assert "token embeddings" in node.locator(".caption").inner_text()


def test_the_energy_of_one_decay_only_falls_and_nothing_jumps_when_decay_is_moved(visit: Visits) -> None:
    """The trace is drawn for the λ of the slider over the whole time, before and after the trigger."""
    v = visit()
    trace, now = v.page.evaluate("""() => { const B = Timeless.sandbox, w = B.fresh();
        w.noise = 0;
        for (let i = 0; i < 60; i++) B.move(w);
        w.decay = 1.2;
        for (let i = 0; i < 600; i++) B.move(w);
        return [w.trace.slice(20).map((point) => B.energyOf(point, w.decay)),
                B.measure(w.z, w.anchors, w.n, w.k, w.decay).energy]; }""")
    assert all(after <= before + 1e-9 for before, after in itertools.pairwise(trace))
    assert trace[-1] == pytest.approx(now)


def test_decay_takes_the_well_away(visit: Visits) -> None:
    """The landscape on show: a wall inside of the well while decay is small, none when it is large."""
    v = visit()
    walls = v.page.evaluate("""() => [0, 2].map((decay) => {
        const at = (r) => Timeless.sandbox.potential(r, 1.6, decay, 0);
        const radii = Array.from({ length: 100 }, (_, i) => 1.6 - i / 100);
        return radii.some((r) => at(r) < at(r - 0.01) && at(r) < at(r + 0.01)); })""")
    assert walls == [True, False]
