"""The schema of KubeRay's RayJob, as JSON Schema: `python -m tests.examples.rayjob_crd CRD.yaml` writes it anew.

The file beside is derived from `ray-operator/config/crd/bases/ray.io_rayjobs.yaml` of github.com/ray-project/kuberay
(commit feeaf72, Apache-2.0): version v1 without descriptions and status, and what occurs several times written once.
"""

import json
import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("rayjob_crd.json")
SOURCE = "github.com/ray-project/kuberay, commit feeaf72; Apache-2.0"
LONG = 120
"""From how many characters on a part that occurs again is written once."""


def reduce(crd: dict[str, Any]) -> dict[str, Any]:
    """The v1 of a custom resource definition, as JSON Schema that refuses unknown fields as Kubernetes does."""
    (found,) = (version for version in crd["spec"]["versions"] if version["name"] == "v1")
    schema = found["schema"]["openAPIV3Schema"]
    del schema["properties"]["status"]
    schema = _closed(schema)
    times: Counter[str] = Counter()
    _count(schema, times)
    defs: dict[str, Any] = {}
    body = {key: _shared(part, times, defs) for key, part in schema.items()}
    return {"$comment": SOURCE, **body, "$defs": defs}


def _closed(part: Any) -> Any:
    if isinstance(part, list):
        return [_closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    kept = {key: _closed(one) for key, one in part.items() if not _words(key, one)}
    if isinstance(part.get("properties"), dict) and isinstance(part.get("type"), str):
        kept.setdefault("additionalProperties", bool(part.get("x-kubernetes-preserve-unknown-fields")))
    return kept


def _words(key: str, value: Any) -> bool:
    return key.startswith("x-kubernetes") or (key == "description" and isinstance(value, str))


def _count(part: Any, times: Counter[str]) -> None:
    if isinstance(part, dict):
        times[json.dumps(part, sort_keys=True)] += 1
    for one in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _count(one, times)


def _shared(part: Any, times: Counter[str], defs: dict[str, Any]) -> Any:
    if isinstance(part, list):
        return [_shared(one, times, defs) for one in part]
    if not isinstance(part, dict):
        return part
    text = json.dumps(part, sort_keys=True)
    inner = {key: _shared(one, times, defs) for key, one in part.items()}
    if times[text] < 2 or len(text) < LONG or not isinstance(part.get("type"), str):
        return inner
    name = sha256(text.encode()).hexdigest()[:8]
    defs[name] = inner
    return {"$ref": f"#/$defs/{name}"}


def main() -> None:
    made = reduce(yaml.safe_load(Path(sys.argv[1]).read_text("utf-8")))
    defs = made.pop("$defs")
    lines = [f'"{name}": {json.dumps(part)}' for name, part in sorted(defs.items())]
    head = ",\n".join(f'"{key}": {json.dumps(part)}' for key, part in made.items())
    FILE.write_text("{\n" + head + ',\n"$defs": {\n' + ",\n".join(lines) + "\n}\n}\n", "utf-8")


if __name__ == "__main__":
    main()
