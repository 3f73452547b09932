"""The connection to a cluster: addresses, machines without room or with other versions, code that is sent."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from textgen.contracts import TextgenError
from textgen.jobs.backends import open_backend
from textgen.runtime.environment import versions
from textgen.runtime.messages import UsageError
from textgen_ray.cluster import check_versions, fitting_nodes
from textgen_ray.pool import Share


def test_a_share_that_no_machine_has_is_refused() -> None:
    small = {"Alive": True, "NodeManagerAddress": "10.0.0.7", "Resources": {"CPU": 1.0}}
    large = {"Alive": True, "NodeManagerAddress": "10.0.0.8", "Resources": {"CPU": 8.0, "GPU": 2.0}}
    ray = SimpleNamespace(nodes=lambda: [small, large, {"Alive": False}])
    assert fitting_nodes(ray, Share()) == [small, large]
    assert fitting_nodes(ray, Share(0.5, 0.5)) == [large]
    assert [Share(*each).num_jobs(large["Resources"]) for each in [(1, 0), (3, 0), (1, 1), (0.1, 0.25)]] == [
        8,
        2,
        2,
        8,
    ]
    message = (
        r"^no machine of the cluster has 16 CPUs and 0 GPUs for a run "
        r"\(10.0.0.7 has 1 CPUs and 0 GPUs; 10.0.0.8 has 8 CPUs and 2 GPUs\)$"
    )
    with pytest.raises(TextgenError, match=message):
        fitting_nodes(ray, Share(16))
    with pytest.raises(UsageError, match=r"^1\.5 GPUs per run: give a fraction of 1, or a whole number$"):
        Share(1, 1.5)


def test_a_machine_with_other_versions_is_named() -> None:
    check_versions("10.0.0.7", {**versions(), "torch": f"{versions()['torch'].partition('+')[0]}+cu130"})
    with pytest.raises(
        TextgenError, match=r"^10\.0\.0\.7 has numpy 1\.0, this one .*; install the same version$"
    ):
        check_versions("10.0.0.7", {**versions(), "numpy": "1.0"})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What Ray is asked for, which then fails."""
    asked = dict[str, Any]()

    def init(**options: Any) -> None:
        asked.update(options)
        raise ConnectionError("no\nanswer")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=init, shutdown=lambda: None))  # type: ignore[misc]
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    return asked


def test_an_address_is_what_follows_the_name(asked: dict[str, Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for on, address in (
            (f"ray://127.0.0.1:{port}", f"ray://127.0.0.1:{port}"),
            (f"ray:127.0.0.1:{port}", f"127.0.0.1:{port}"),
            ("ray:auto", "auto"),
        ):
            message = f"^cannot reach the Ray cluster '{address}': no answer$"
            with pytest.raises(TextgenError, match=message), open_backend(on):
                pass
            assert asked["address"] == address
            assert Path(asked["runtime_env"]["working_dir"]).name == "empty"
    asked.clear()
    with pytest.raises(TextgenError, match=r"^cannot reach the Ray cluster of this machine: no answer$"):
        open_backend("ray").__enter__()
    assert asked["address"] == "local"
    assert "py_modules" not in asked["runtime_env"]


def test_what_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]) -> None:
    message = r"^cannot reach the Ray cluster '127\.0\.0\.1:1': .*refused"
    with pytest.raises(TextgenError, match=message), open_backend("ray:127.0.0.1:1"):
        pass
    assert not asked
    monkeypatch.setitem(sys.modules, "ray", None)  # type: ignore[arg-type]
    message = r'^--on needs Ray; run: pip install "textgen-bench\[ray\]"$'
    with pytest.raises(TextgenError, match=message), open_backend("ray"):
        pass
