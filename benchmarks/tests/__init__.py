"""Tests of the benchmarks themselves: that they measure what they say, and would find what they look for."""
