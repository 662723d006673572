"""Arrays and records on their way into a page."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokking.page.pack import packed, plain, safe_json, script, unpacked


def test_an_array_comes_back_in_half_precision() -> None:
    values = np.random.default_rng(0).normal(size=(3, 4, 5))
    back = unpacked(packed(values))
    assert back.shape == values.shape
    np.testing.assert_allclose(back, values, rtol=2**-11)


def test_what_half_precision_cannot_hold_is_clipped() -> None:
    np.testing.assert_array_equal(unpacked(packed(np.array([1e9, -1e9]))), [65504, -65504])


@pytest.mark.parametrize("kind, values", [("u8", [0, 255]), ("i16", [-5, 300])])
def test_whole_numbers_come_back_exactly(kind: str, values: list[int]) -> None:
    assert unpacked(packed(np.array(values), kind)).tolist() == values


@pytest.mark.slow
@given(st.text())
def test_text_means_the_same_and_holds_no_markup(text: str) -> None:
    written = safe_json({"x": text})
    assert json.loads(written) == {"x": text}
    assert not set("<>&\u2028\u2029") & set(written)


def test_a_script_cannot_be_left_by_its_data() -> None:
    assert "</script" not in script("run0", {"name": "</script><script>alert(1)</script>"})


def test_missing_values_are_null_and_nan_is_a_bug() -> None:
    assert plain([1.0, float("nan"), [float("inf")]]) == [1.0, None, [None]]
    with pytest.raises(ValueError, match="JSON"):
        safe_json(float("nan"))
