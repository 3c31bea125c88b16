"""What Lanista costs and gains beside its peers; each benchmark is a package, run with `python -m benchmarks.NAME`."""
