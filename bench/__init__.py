"""Benchmarks: ``python -m bench NAME --json``. Times are CPU, given beside a bare page measured in the same run."""
