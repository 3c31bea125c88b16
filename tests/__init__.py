"""The tests; a package, so that no other one called `tests` in the environment comes before it."""
