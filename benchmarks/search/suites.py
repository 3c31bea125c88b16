"""Which problems make a suite.

`quick` is what searchers are tuned on while they are written, so the other suites have other instances wherever there
are others: `hpo`, `bbob` and `multi` are what the results are told of. nb301 and the two instances of iaml are in both.
"""

from itertools import product

QUICK_HPO = (
    *("lcbench/3945", "lcbench/167168", "lcbench/189906"),
    "nb301/CIFAR10",
    *("rbv2_xgboost/16", "rbv2_xgboost/1040", "rbv2_xgboost/12"),
    *("rbv2_rpart/14", "rbv2_rpart/40499"),
    "iaml_glmnet/1067",
    *("iaml_super/1067", "iaml_super/40981"),
    *("gpu/A100", "svm/A9A", "oboe/11", "tabrepo/10090", "nb201/cifar100_test_200ep", "macro/mean_acc"),
)

QUICK_BBOB = (
    *("bbob/f1-d5-i1", "bbob/f1-d20-i1", "bbob/f3-d5-i1", "bbob/f6-d10-i1", "bbob/f8-d2-i1", "bbob/f8-d10-i1"),
    *("bbob/f10-d5-i1", "bbob/f15-d5-i1", "bbob/f15-d20-i1", "bbob/f17-d10-i1", "bbob/f20-d2-i1", "bbob/f21-d2-i1"),
    "bbob/f21-d10-i1",
)

HPO = (
    *("lcbench/126029", "lcbench/167190", "lcbench/168330", "lcbench/189873"),
    "nb301/CIFAR10",
    *("rbv2_xgboost/11", "rbv2_xgboost/181", "rbv2_xgboost/1478", "rbv2_xgboost/40984"),
    *("rbv2_rpart/6", "rbv2_rpart/1464", "rbv2_rpart/23512", "rbv2_rpart/41143"),
    *("iaml_glmnet/1067", "iaml_glmnet/40981"),
    *("iaml_super/1067", "iaml_super/40981"),
    "gpu/W6600",
    *("svm/abalone", "svm/german-numer", "svm/vehicle"),
    *("oboe/3", "oboe/469", "oboe/819"),
    *("tabrepo/146820", "tabrepo/359943", "tabrepo/360975"),
    *("nb201/cifar10_val_12ep", "nb201/cifar10_test_200ep"),
    "macro/acc1",
)

BBOB = tuple(f"bbob/f{f}-d{d}-i2" for f, d in product(range(1, 25), (2, 5, 10, 20)))

MULTI = (
    *("lcbench2/167168", "lcbench2/189873"),
    *("rbv2_xgboost2/1040", "rbv2_xgboost2/40984"),
    *("rbv2_rpart2/14", "rbv2_rpart2/41143"),
    *("iaml_super2/1067", "iaml_super2/40981"),
    *("zdt1/d6", "zdt2/d6", "zdt3/d10", "dtlz2/d6"),
)

SUITES = {
    "quick": (*QUICK_HPO, *QUICK_BBOB),
    "quick-hpo": QUICK_HPO,
    "quick-bbob": QUICK_BBOB,
    "hpo": HPO,
    "bbob": BBOB,
    "multi": MULTI,
    "full": (*HPO, *BBOB, *MULTI),
}
