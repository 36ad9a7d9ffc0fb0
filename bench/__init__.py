"""A small loop that measures the hot path while it is built; docs/benchmarks.md has its figures."""
