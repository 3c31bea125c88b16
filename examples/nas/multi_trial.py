"""Search a small network and its learning rate on scikit-learn's digits. Run it again, and it goes on."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

import lanista as la
from lanista import nas

images, labels = (torch.as_tensor(array) for array in load_digits(return_X_y=True))
images = images.float().reshape(-1, 1, 8, 8) / 16


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        width = nas.ValueChoice("width", [64, 128, 256])
        self.layers = nn.Sequential(
            nn.Conv2d(1, 32, 3),
            nn.ReLU(),
            nas.LayerChoice(
                {
                    "conv": lambda: nn.Conv2d(32, 64, 3),
                    "separable": lambda: nn.Sequential(nn.Conv2d(32, 32, 3, groups=32), nn.Conv2d(32, 64, 1)),
                },
                name="conv2",
            ),
            nn.MaxPool2d(2),
            nn.Dropout(nas.ValueChoice("dropout", [0.25, 0.5, 0.75])),
            nn.Flatten(),
            nn.Linear(256, width),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(width, 10),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def train(trial: la.Trial) -> None:
    net = trial["net"]
    optimizer = torch.optim.Adam(net.parameters(), lr=trial["lr"])
    for _ in range(3):
        net.train()
        for batch in torch.randperm(1400).split(64):
            optimizer.zero_grad()
            F.cross_entropy(net(images[batch]), labels[batch]).backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            trial.report(accuracy=(net(images[1400:]).argmax(1) == labels[1400:]).float().mean().item())


space = {"net": nas.ModelSpace(Net), "lr": la.Float(1e-4, 1e-1, log=True)}
searcher = la.RegularizedEvolution(population=6, sample=3)  # small, for the first 6 trials are random
exp = la.Experiment("example-multi-trial", space, metric="accuracy", mode="max", searcher=searcher, seed=0)
exp.run(train, trials=12)
print(exp.space.build("net", exp.best.params))
