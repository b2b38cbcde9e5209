"""The codec bench: each operation by each implementation that is installed, its speed beside whether it is right.

`material` the frames, `decoding`, `encoding`, `kernels` and `indexing` what is measured, `test_speed` measures it with
pytest-benchmark, `sizes` the tiers' lengths, `ingest` a whole run through the real making, `table` the words.
"""
