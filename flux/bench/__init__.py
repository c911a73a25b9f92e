"""Benchmarks: `python3 dev.py bench NAME`. One file each; `run(argv)` prints a table and returns the figures."""
