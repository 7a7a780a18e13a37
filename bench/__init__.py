"""Throughput and cost: `python -m bench`. See docs/benchmarks.md for what it measured and how."""
