"""One of several processes that run one experiment: the program of the sharing tests."""

import os
import sys

import lanista as la


def main(store, log, trials):
    def objective(trial):
        with open(log, "ab", buffering=0) as file:
            file.write(f"{trial.number} {os.getpid()}\n".encode())
        return trial["x"] ** 2

    space = {"x": la.Float(-1, 1), "y": la.Int(0, 5)}
    exp = la.Experiment("shared", space, store=store, searcher="random", seed=0)
    exp.run(objective, trials=int(trials), progress=False)
    assert len(exp.trials) == int(trials)
    assert all(t.state == "completed" for t in exp.trials)


if __name__ == "__main__":
    main(*sys.argv[1:])
