"""A program that runs trials on Ray, two of which stay at their third step until a file says go."""

DRIVER = """
import os, sys, time
from pathlib import Path
import lanista as la
from helper import last_step

def train(trial):
    state = {"steps": 0}
    for _ in range(trial.load(state), last_step()):
        state["steps"] += 1
        trial.save(state)
        trial.report(loss=1.0)
        if state["steps"] == 3 and not Path("go").exists():
            Path(f"pid-{os.getpid()}").touch()
            while True:
                time.sleep(1)

if __name__ == "__main__":
    exp = la.Experiment("driven", {"x": la.Float(0, 1)}, metric="loss", store=sys.argv[2])
    exp.run(train, trials=4, executor=la.Ray(sys.argv[1], workers=2), progress=False)
    print([(t.state, t.steps, t.attempts, t.retries) for t in exp.trials])
"""
