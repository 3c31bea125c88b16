"""lanista doctor."""

import importlib.metadata
import os

import pytest


def test_all_is_well_here(lanista, lanista_home) -> None:
    result = lanista("doctor", "--json")
    found = {one["what"]: one for one in result.json}
    assert result.code == 0
    assert found["lanista"]["detail"].startswith(importlib.metadata.version("lanista"))
    assert str(lanista_home) in found["store"]["detail"]
    assert found["numpy"]["state"] == "ok"
    assert {"python", "system", "cores", "memory", "gpus", "home"} <= found.keys()
    text = lanista("doctor").out
    assert text.endswith("all that is needed is there\n")


def test_a_missing_extra_names_the_command_that_brings_it(lanista, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name in ("scikit-learn", "rich"):
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    lines = [
        "rich>=13.7",
        "scikit-learn>=1.4; extra == 'demo'",
        "lanista[demo]; extra == 'all'",
        "pytest>=8; extra == 'dev'",
    ]
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: lines)
    monkeypatch.setattr(importlib.metadata, "version", version)
    result = lanista("doctor", "--json")
    found = {one["what"]: one for one in result.json}
    assert found["scikit-learn (extra demo)"]["state"] == "missing"
    assert found["scikit-learn (extra demo)"]["advice"] == "pip install 'lanista[demo]'"
    assert found["rich"]["state"] == "wrong"
    assert found["rich"]["advice"].startswith("pip install 'rich")
    assert "pytest (extra dev)" not in found
    assert result.code == 1


def test_a_store_that_cannot_be_opened_is_wrong(lanista, tmp_path) -> None:
    (tmp_path / "notes.db").write_text("these are notes, " * 100)
    result = lanista("doctor", "--store", tmp_path / "notes.db")
    assert result.code == 1
    assert "it is some other kind of file" in result.out
    assert "things are wrong" in result.out


def test_a_home_that_cannot_be_written_is_wrong(lanista, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LANISTA_HOME", str(tmp_path / "file" / "home"))
    result = lanista("doctor", "--json")
    found = {one["what"]: one for one in result.json}
    assert (result.code, found["home"]["state"], found["store"]["state"]) == (1, "wrong", "wrong")
    assert "LANISTA_HOME=FOLDER" in found["home"]["advice"]


def test_gpus_come_from_nvidia_smi(lanista, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '0, Great GPU, 80 GiB'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    found = {one["what"]: one for one in lanista("doctor", "--json").json}
    assert found["gpus"]["detail"].startswith("0, Great GPU, 80 GiB")
    program.write_text("#!/bin/sh\nexit 9\n")
    found = {one["what"]: one for one in lanista("doctor", "--json").json}
    assert (found["gpus"]["state"], found["gpus"]["advice"]) == ("wrong", "check the driver by running nvidia-smi")
