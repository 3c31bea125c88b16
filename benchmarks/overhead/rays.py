"""Ray Tune's cases: the same work on two processor slots. Runs in the peers' environment."""

import os
import time

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray
from ray import tune

from benchmarks.measure import Result, measured, serve, since_start


def run(folder: str, trials: int, reuse: bool) -> Result:
    """Runs trials after Ray has started; `reuse` keeps its actors warm, which is off by default.

    `steady` leaves out what comes before the end of the first trial.
    """
    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)

    def objective(config: dict[str, float]) -> dict[str, float]:
        return {"value": config["x0"], "at": time.time()}

    tuner = tune.Tuner(
        objective,
        param_space={f"x{i}": tune.uniform(0.0, 1.0) for i in range(10)},
        tune_config=tune.TuneConfig(num_samples=trials, metric="value", mode="min", reuse_actors=reuse),
        run_config=tune.RunConfig(verbose=0, storage_path=folder),
    )
    result: Result = {"trials": trials}
    with measured(result):
        found = tuner.fit()
    now, age = time.time(), since_start()
    at = sorted(one.metrics["at"] for one in found)
    assert len(at) == trials
    result["steady"] = (trials - 1) / (at[-1] - at[0])
    result["first"] = age - (now - at[0])
    ray.shutdown()
    return result


if __name__ == "__main__":
    serve({"run": run})
