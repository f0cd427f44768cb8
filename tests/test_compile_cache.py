"""The cache of compiled lanes: where it is, how large it grows, and that it never stands in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ffsearch.search.training.compile_cache import cache_folder, enable, prune


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TF_XLA_FLAGS", "")


def test_it_lies_in_the_users_cache_folder_and_is_made_when_asked_for(tmp_path: Path) -> None:
    folder = enable()
    assert folder == cache_folder()
    assert folder.is_dir()
    assert folder.is_relative_to(tmp_path / "cache" / "ffsearch")
    assert os.environ["TF_XLA_FLAGS"] == f"--tf_xla_persistent_cache_directory={folder}"


def test_other_flags_stay_and_a_folder_of_the_users_own_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_clustering_debug")
    assert enable(tmp_path) == tmp_path
    flags = os.environ["TF_XLA_FLAGS"]
    assert flags == f"--tf_xla_clustering_debug --tf_xla_persistent_cache_directory={tmp_path}"
    assert enable(tmp_path / "another") is None
    assert os.environ["TF_XLA_FLAGS"] == flags


def test_a_folder_that_cannot_be_made_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert enable(tmp_path / "file" / "folder") is None
    assert enable(tmp_path / "with blank") is None
    assert os.environ["TF_XLA_FLAGS"] == ""


def test_the_oldest_are_deleted_first(tmp_path: Path) -> None:
    for age in range(5):
        path = tmp_path / f"program_{age}"
        path.write_bytes(b"x" * 100)
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    prune(tmp_path, max_bytes=250)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["program_0", "program_1"]
    prune(tmp_path, max_bytes=1_000)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.slow
def test_tensorflow_fills_it(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from ffsearch.search.training.compile_cache import enable
enable(Path({str(tmp_path)!r}))
import tensorflow as tf
tf.function(lambda x: tf.sin(x) @ x, jit_compile=True)(tf.ones((4, 4)))
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert list(tmp_path.glob("xla_compile_cache*"))
