"""The examples in docstrings, run as they stand; every public name has one.

In every example there are the names of its module, `ffsearch`, `wines`, which is a frame with the column `target`, and
`folder`, which has two finished runs in it, `run` and `other`, and a project of KerasTuner, `tuned/wine`.
"""

from __future__ import annotations

import doctest
import inspect
import io
from importlib import import_module
from typing import Any

import pytest
from sklearn.datasets import load_wine

import ffsearch
from test_architecture import product_files

EXAMPLE = "    >>> "
PUBLIC = [name for name in ffsearch.__all__ if name != "__version__"]
WHOLE = {"ffsearch.__init__", "ffsearch.running", "ffsearch.search.api.estimators"}
"""Whose examples are whole searches, which take long."""

MODULES = [name for name, path in sorted(product_files().items()) if EXAMPLE in path.read_text(encoding="utf-8")]

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*(currentThread|getName).*:DeprecationWarning"),  # KerasTuner's lock
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras' weights to HDF5
]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What stands in every example."""
    import keras_tuner

    folder = tmp_path_factory.mktemp("examples")
    for name, seed in (("run", 0), ("other", 1)):
        ffsearch.run(
            "sklearn:wine", trials=2, seed=seed, evidence="none", out=folder / name, report=False,
            overrides={"train.max_epochs": 3, "data.valid": {"holdout": 0.2}},
        )  # fmt: skip
    hypermodel = ffsearch.hypermodel("tabular", data="sklearn:wine", overrides={"train.max_epochs": 2})
    keras_tuner.RandomSearch(
        hypermodel, objective=hypermodel.objective, max_trials=1, directory=folder / "tuned", project_name="wine"
    ).search(verbose=0)
    return {"ffsearch": ffsearch, "folder": folder, "wines": load_wine(as_frame=True).frame}


def outcome(test: doctest.DocTest) -> tuple[int, str]:
    """How many examples came to something else than they say, and to what."""
    said = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    return runner.run(test, out=said.write).failed, said.getvalue()


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_an_example(name: str) -> None:
    assert EXAMPLE in (inspect.getdoc(getattr(ffsearch, name)) or "")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in WHOLE else []) for name in MODULES]
)
def test_the_examples_of_a_module_are_true(name: str, given: dict[str, Any]) -> None:
    tests = [test for test in doctest.DocTestFinder().find(import_module(name), extraglobs=given) if test.examples]
    assert tests
    for test in tests:
        n_failed, said = outcome(test)
        assert n_failed == 0, said


def test_an_example_that_is_not_true_fails() -> None:
    n_failed, said = outcome(doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0))
    assert n_failed == 1
    assert "Expected:\n    3\nGot:\n    2" in said
