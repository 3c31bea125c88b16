"""What a trial costs on a Ray cluster, beside Ray Tune and bare Ray actors."""
