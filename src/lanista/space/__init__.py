"""Search spaces: domains, conditional parameters, constraints, and their numeric encoding."""

from lanista.space._choice import Choice
from lanista.space._columns import Columns
from lanista.space._discovered import grow
from lanista.space._domain import Domain, Params
from lanista.space._group import Group, Groups
from lanista.space._json import domain_from_json
from lanista.space._nni import NNISpace, load_nni_space
from lanista.space._numeric import Float, Int, Normal
from lanista.space._sets import Permutation, Subset
from lanista.space._space import Space
from lanista.space._tree import Constant, Parameter

__all__ = [
    "Choice",
    "Columns",
    "Constant",
    "Domain",
    "Float",
    "Group",
    "Groups",
    "Int",
    "NNISpace",
    "Normal",
    "Parameter",
    "Params",
    "Permutation",
    "Space",
    "Subset",
    "domain_from_json",
    "grow",
    "load_nni_space",
]
