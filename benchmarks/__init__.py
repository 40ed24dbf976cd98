"""Benchmarks: each module has `measure() -> list[dict]`; `python -m benchmarks` runs them all, side by side with peers."""
