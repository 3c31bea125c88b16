"""A run that is killed: the program of the crash tests. Acknowledgements go to a file, each line in one write."""

import os
import sys

import lanista as la

SPACE = {
    "lr": la.Float(1e-4, 1.0, log=True),
    "kind": la.Choice({"a": {"depth": la.Int(1, 5)}, "b": {}}),
}
EPOCHS = 4


def acknowledge(path, *words):
    with open(path, "ab", buffering=0) as file:
        file.write((" ".join(map(str, words)) + "\n").encode())


def main(store, acks, trials, executor):
    def objective(trial):
        acknowledge(acks, "ran", trial.number, trial.attempt, sorted(trial.params.items()).__repr__().replace(" ", ""))
        state = {"epochs": 0}
        start = trial.load(state)
        assert state["epochs"] == start, (state, start)
        for epoch in range(start, EPOCHS):
            state["epochs"] = epoch + 1
            trial.save(state)
            trial.report(loss=trial["lr"] / (epoch + 1))
            acknowledge(acks, "reported", trial.number, epoch + 1)

    def ended(experiment, event):
        if isinstance(event, la.journal.Ended):
            acknowledge(acks, "ended", event.number)

    exp = la.Experiment("soak", SPACE, metric="loss", store=store, searcher="tpe", scheduler=la.ASHA(EPOCHS), seed=0)
    workers = 2 if executor == "processes" else None
    exp.run(objective, trials=int(trials), executor=executor, workers=workers, progress=False, callbacks=[ended])
    acknowledge(acks, "finished", os.getpid())


if __name__ == "__main__":
    main(*sys.argv[1:])
