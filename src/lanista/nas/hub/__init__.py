"""The hub: the search spaces of well-known papers, as ordinary modules with choices in their constructors."""

from lanista.nas.hub._amoebanet import AmoebaNet
from lanista.nas.hub._autodeeplab import AutoDeepLab
from lanista.nas.hub._autoformer import AutoFormer
from lanista.nas.hub._darts import DARTS
from lanista.nas.hub._enas import ENAS
from lanista.nas.hub._mnasnet import MnasNet
from lanista.nas.hub._mobilenetv3 import MobileNetV3
from lanista.nas.hub._nasbench101 import NASBench101
from lanista.nas.hub._nasbench201 import NASBench201, nasbench201_arch, nasbench201_params
from lanista.nas.hub._nasbench_macro import NASBenchMacro, nasbench_macro_code, nasbench_macro_params
from lanista.nas.hub._nasnet import NASNet
from lanista.nas.hub._pnas import PNAS
from lanista.nas.hub._proxylessnas import ProxylessNAS
from lanista.nas.hub._shufflenetv2 import ShuffleNetV2
from lanista.nas.hub._text_transformer import TextTransformer

__all__ = [
    "DARTS",
    "ENAS",
    "PNAS",
    "AmoebaNet",
    "AutoDeepLab",
    "AutoFormer",
    "MnasNet",
    "MobileNetV3",
    "NASBench101",
    "NASBench201",
    "NASBenchMacro",
    "NASNet",
    "ProxylessNAS",
    "ShuffleNetV2",
    "TextTransformer",
    "nasbench201_arch",
    "nasbench201_params",
    "nasbench_macro_code",
    "nasbench_macro_params",
]
