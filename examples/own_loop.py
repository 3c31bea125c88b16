"""Ask and tell: a loop of one's own, in which a person, a robot or a queue may stand in place of the function."""

import lanista as la

space = {"temperature": la.Float(20, 95), "minutes": la.Int(1, 10), "sugar": la.Choice(["none", "some", "much"])}
exp = la.Experiment("example-own-loop", space, metric="taste", mode="max", seed=0)


def taste(params: dict[str, float | str]) -> float:
    """Stands for whatever is measured."""
    sweet = {"none": 0.0, "some": 1.0, "much": 0.3}[str(params["sugar"])]
    return sweet - abs(float(params["temperature"]) - 80) / 20 - abs(float(params["minutes"]) - 4) / 4


for _ in range(30):
    trial = exp.ask()
    exp.tell(trial, taste(trial.params))

print(exp.best.value, exp.best.params)
