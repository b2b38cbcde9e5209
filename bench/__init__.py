"""The benchmarks: fastcine's viewer against the bare Cornerstone3D page, in one run on one machine.

`python -m bench` (or `make bench`) prints a table and writes JSON to bench/results/; with `--docs` it writes
docs/benchmarks.md too.
"""
