"""How much of other people's models `nas.Graph` can take apart: 40 definitions of timm, without weights.

timm asks for torchvision, which has no build for every platform; what it needs of it to define models is stood in for
here. Run it with a Python that has timm (benchmarks/requirements-timm.txt) beside torch and Lanista.
"""

import argparse
import importlib
import io
import json
import sys
import time
import types
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from benchmarks.results import machine, table, versions, write_section

RESULTS = Path(__file__).resolve().parent / "results" / "trace.json"
CONVOLUTIONAL = """
resnet18 resnetv2_50 regnety_002 densenet121 vgg11_bn inception_v3 xception41 mobilenetv2_050
mobilenetv3_small_050 efficientnet_b0 tf_efficientnetv2_b0 mnasnet_small ghostnet_050 mixnet_s repvgg_a0 dla34
hrnet_w18_small res2net50_14w_8s skresnet18 dpn48b convnext_atto eca_nfnet_l0 rexnet_100 ese_vovnet19b_slim
"""
ATTENTIVE = """
vit_tiny_patch16_224 deit_tiny_distilled_patch16_224 swin_tiny_patch4_window7_224 mixer_s32_224 mobilevit_xxs
xcit_nano_12_p16_224 pit_ti_224 levit_128s poolformer_s12 edgenext_xx_small coat_tiny crossvit_tiny_240 cait_xxs24_224
twins_pcpvt_small mvitv2_tiny gmlp_s16_224
"""


class _Stand(types.ModuleType):
    """A module that has whatever is asked for, as a class without content."""

    __path__: ClassVar[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (nn.Module,), {"BILINEAR": "bilinear", "BICUBIC": "bicubic", "NEAREST": "nearest"})
        for option in ("BOX", "HAMMING", "LANCZOS"):
            setattr(made, option, option.lower())
        setattr(self, name, made)
        return made


def stand_in() -> None:
    """Puts empty modules in the place of torchvision's, where it is not installed."""
    try:
        importlib.import_module("torchvision")
    except ImportError:
        for part in ("", ".transforms", ".transforms.functional", ".ops", ".ops.misc", ".datasets", ".utils"):
            name = f"torchvision{part}"
            sys.modules[name] = _Stand(name)
            above, _, own = name.rpartition(".")
            if above:
                setattr(sys.modules[above], own, sys.modules[name])


def inputs(model: Any) -> torch.Tensor:
    """Two images of the size that the model is made for, or of 128 pixels where any size will do."""
    size = model.default_cfg["input_size"]
    fixed = model.default_cfg.get("fixed_input_size", False)
    edge = size[1] if fixed else 128
    return torch.randn(2, size[0], edge, edge)


def measure(name: str) -> dict[str, Any]:
    """Traces one model; says what stayed whole and whether the module that comes out is the same function."""
    import timm

    from lanista import nas

    torch.manual_seed(0)
    model = timm.create_model(name, pretrained=False).eval()
    for weight in model.parameters():
        if not weight.any():  # a head of zeros would hide what goes wrong before it
            nn.init.normal_(weight, std=0.02)
    example = inputs(model)
    started = time.process_time()
    graph = nas.Graph(model, example)
    seconds = time.process_time() - started
    module = graph.module()
    with torch.no_grad():
        wanted = model(example)
        error = (module(example) - wanted).abs().max().item() / wanted.abs().max().item()
        file = io.BytesIO()
        torch.save(module, file)
        file.seek(0)
        again = (torch.load(file, weights_only=False)(example) - wanted).abs().max().item() / wanted.abs().max().item()
    parts = list(graph.nodes)
    total = sum(p.numel() for p in model.parameters())
    inside = sum(sum(p.numel() for p in model.get_submodule(path).parameters()) for path in graph.whole)
    return {
        "model": name,
        "nodes": len(parts),
        "whole": graph.whole,
        "traced": 1 - inside / total,
        "seconds": seconds,
        "error": error,
        "pickled": again,
        "lost": sorted(model.state_dict().keys() - module.state_dict().keys()),
        "added": sorted(module.state_dict().keys() - model.state_dict().keys()),
        "input": list(example.shape),
    }


def survey(names: list[str]) -> Iterator[dict[str, Any]]:
    stand_in()
    for name in names:
        try:
            yield measure(name)
        except Exception as error:
            yield {"model": name, "failed": f"{type(error).__name__}: {error}"}


def page(rows: list[dict[str, Any]]) -> str:
    good = [row for row in rows if "failed" not in row]
    entire = [row for row in good if not row["whole"]]
    part = [row for row in good if row["whole"] and "" not in row["whole"]]
    tree = [row for row in good if "" in row["whole"]]
    exact = sum(row["error"] == 0 for row in good)
    pickled = sum(row["pickled"] == 0 for row in good)
    text = (
        f"{len(rows)} definitions of timm, without weights, given to `nas.Graph`; made on {date.today()} by "
        f"`python -m benchmarks.nas trace` on a machine with {machine()}; {versions('torch', 'timm')}.\n\n"
    )
    counts = [
        ["all of it taken apart by `torch.fx`", len(entire)],
        ["some modules stay whole, all else is taken apart", len(part)],
        ["the model itself stays whole: its modules can be replaced, not rewired", len(tree)],
        ["failed", len(rows) - len(good)],
        ["`graph.module()` gives exactly what the model gives", exact],
        ["its state dictionary has the names of the model's", sum(not row["lost"] + row["added"] for row in good)],
        ["what comes back from `torch.save` and `torch.load` gives it, too", pickled],
    ]
    text += table(["outcome", "models", "share"], [[what, str(n), f"{n / len(rows):.0%}"] for what, n in counts])
    seconds = sorted(row["seconds"] for row in good)
    middle, most = seconds[len(seconds) // 2], seconds[-1]
    text += f"\n\nTracing takes, on one thread, {middle:.1f} s of CPU time in the median and at most {most:.1f} s.\n"
    notes = [[row["model"], str(len(row["whole"])), f"{row['traced']:.0%}", reasons(row)] for row in part + tree]
    failures = [[row["model"], "", "", row["failed"]] for row in rows if "failed" in row]
    if notes or failures:
        text += "\n" + table(["model", "whole", "weights outside", "reason"], notes + failures)
    return text


def reasons(row: dict[str, Any]) -> str:
    return "; ".join(dict.fromkeys(why.replace("|", "/") for why in row["whole"].values()))


def run(given: argparse.Namespace) -> int:
    torch.set_num_threads(1)
    rows = []
    for row in survey(given.models or (CONVOLUTIONAL + ATTENTIVE).split()):
        rows.append(row)
        print(json.dumps(row), file=sys.stderr, flush=True)
    print(page(rows))
    if given.write:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        write_section("nas: tracing", page(rows))
    return 0


def add(commands: Any) -> None:
    parser = commands.add_parser("trace", help="give 40 models of timm to nas.Graph")
    parser.add_argument("models", nargs="*", help="other models than the 40")
    parser.add_argument("--write", action="store_true", help="write results/trace.json and the section of RESULTS.md")
    parser.set_defaults(run=run)
