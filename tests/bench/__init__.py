"""Benchmarks: `make bench`. A part is a module `bench_<part>.py` with `async def measure() -> list[Row]`."""
