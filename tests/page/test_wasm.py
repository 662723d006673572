"""The built training engine belongs to its sources."""

import re

import pytest

from grokking.page.wasm.build import BUILT, checksum, compiler, script_text


def test_the_built_engine_names_the_checksum_of_its_sources() -> None:
    assert re.search(r"^// sources (\w+)$", BUILT.read_text(), re.MULTILINE)[1] == checksum()  # type: ignore[index]


@pytest.mark.slow
def test_the_same_compiler_builds_the_same_bytes() -> None:
    built_with = re.search(r"^// compiler (.+)$", BUILT.read_text(), re.MULTILINE)[1]  # type: ignore[index]
    if compiler() != built_with:
        pytest.skip(f"the engine was built with {built_with}; here is {compiler() or 'no clang'}")
    assert script_text() == BUILT.read_text()
