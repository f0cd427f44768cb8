"""XLA's settings: given before TensorFlow starts, never against the user's own, only to versions that know them."""

from __future__ import annotations

import os

import pytest

from ffsearch.search.training import compile_cache, xla


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", "")
    monkeypatch.setattr(compile_cache, "enable", lambda: None)
    monkeypatch.setattr(xla, "version", lambda _: "2.21.0")


def test_products_stay_in_their_lanes_thread() -> None:
    xla.set_up()
    assert "--xla_cpu_multi_thread_eigen=false" in os.environ["XLA_FLAGS"].split()


def test_wide_vectors_are_asked_for_where_the_processor_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xla, "_has_wide_vectors", lambda: False)
    xla.set_up()
    assert "vector_width" not in os.environ["XLA_FLAGS"]
    monkeypatch.setattr(xla, "_has_wide_vectors", lambda: True)
    xla.set_up()
    assert "--xla_cpu_prefer_vector_width=512" in os.environ["XLA_FLAGS"].split()


def test_the_users_own_settings_win_and_nothing_is_said_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xla, "_has_wide_vectors", lambda: True)
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_prefer_vector_width=128")
    xla.set_up()
    first = os.environ["XLA_FLAGS"]
    xla.set_up()
    assert os.environ["XLA_FLAGS"] == first
    assert first.split() == ["--xla_cpu_prefer_vector_width=128", "--xla_cpu_multi_thread_eigen=false"]


def test_a_version_that_was_not_tried_is_given_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xla, "version", lambda _: "3.0.0")
    xla.set_up()
    assert os.environ["XLA_FLAGS"] == ""


def test_programs_of_other_settings_are_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    before = compile_cache.cache_folder()
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_prefer_vector_width=128")
    assert compile_cache.cache_folder() != before
