"""Networks for scikit-learn's digits, as accurate and as quick as can be: two objectives, and a table of operators.

Latency is not measured in the trials, which disturb each other, but predicted from a table of what each operator takes.
"""

from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import nn

import lanista as la
from lanista import nas

EPOCHS = 8
DIGITS = load_digits()
IMAGES = torch.tensor(DIGITS.images, dtype=torch.float32)[:, None] / 16
LABELS = torch.tensor(DIGITS.target)
ORDER = torch.randperm(len(LABELS), generator=torch.Generator().manual_seed(0))
TRAIN, TEST = ORDER[:1200], ORDER[1200:]


def net() -> nn.Module:
    """One or two stages, each with its width, kernel and kind of convolution."""
    layers: list[nn.Module] = []
    inside = 1
    for stage in range(nas.ValueChoice("stages", [1, 2])):
        width = nas.ValueChoice(f"width{stage}", [8, 16, 32])
        kernel = nas.ValueChoice(f"kernel{stage}", [1, 3, 5])
        layers += [nn.Conv2d(inside, width, kernel, 1 + stage, kernel // 2), nn.BatchNorm2d(width), nn.ReLU()]
        inside = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * inside, 10))


def train(trial: la.Trial) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(trial.seed)
    model = trial["net"]
    latency = TABLE.predict(model, IMAGES[:1])
    optimizer = torch.optim.Adam(model.parameters(), lr=trial["lr"])
    for _ in range(EPOCHS):
        model.train()
        for rows in TRAIN[torch.randperm(len(TRAIN))].split(50):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(IMAGES[rows]), LABELS[rows]).backward()
            optimizer.step()
        right = model.eval()(IMAGES[TEST]).argmax(1) == LABELS[TEST]
        trial.report(accuracy=right.float().mean().item(), latency_ms=latency)


MODELS = nas.ModelSpace(net)
FILE = Path("digits-latency.json")  # measured once, so that a search that goes on compares with the same figures
if not FILE.exists():
    nas.LatencyTable.measure(MODELS, IMAGES[:1], members=200, repeats=5, threads=1).save(FILE)
TABLE = nas.LatencyTable.load(FILE)
exp = la.Experiment(
    "example-accuracy-and-latency",
    {"net": MODELS, "lr": la.Float(1e-3, 1e-1, log=True)},
    metric={"accuracy": "max", "latency_ms": "min"},
    seed=0,
)
exp.run(train, trials=24)
for found in sorted(exp.pareto, key=lambda trial: trial.metrics["latency_ms"]):
    print(f"{found.metrics['latency_ms']:.3f} ms: accuracy {found.metrics['accuracy']:.3f} {found.params}")
