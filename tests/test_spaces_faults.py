"""Every way a space file or an override can be wrong, and the text that says so."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from ffsearch.errors import SpaceError
from ffsearch.spaces.document import MAX_NODES
from ffsearch.spaces.faults import MAX_SHOWN
from ffsearch.spaces.loader import MAX_BYTES, load_space, parse_space

HEAD = "data: {source: a.csv}\n"


def faults(text: str, *overrides: str) -> list[str]:
    """The lines of the error, without its first."""
    with pytest.raises(SpaceError, match=r"my\.yaml cannot be used: \d+ faults?") as caught:
        parse_space(text, name="my.yaml", overrides=overrides)
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


WRONG_VALUES = {
    # what stands under the head: what is said of it
    "kind: capcity": '2:7: kind: "capcity" is not known. Did you mean capacity? Legal: search, capacity.',
    "kind: [search]": '2:7: kind: ["search"] is not known. Legal: search.',
    "dta: {}": (
        "2:1: dta: unknown key. Did you mean data? Legal: kind, data, space, train, search, model, evidence, ignore."
    ),
    "true: 1": "2:1: true: unknown key. Legal: kind, data, space, train, search, model, evidence, ignore.",
    "ignore: [FFS-301]": (
        '2:10: ignore.0: "FFS-301" is no code of a finding. Did you mean FFS301? `ffsearch explain` lists all codes.'
    ),
    "ignore: FFS301": '2:9: ignore: "FFS301" is not a list; write ["FFS301"].',
    "train: fast": (
        '2:8: train: "fast" stands where keys are expected. Legal keys: trainer, optimizer, momentum, batch_size, '
        "max_epochs, patience, average, min_delta, refit, loss, output."
    ),
    "space: {activaton: relu}": (
        "2:9: space.activaton: unknown key. Did you mean activation? Legal: depth, width, taper, widths, activation, "
        "dropout, batch_norm, residual, l1, l2, bias_l1, bias_l2, activity_l1, activity_l2, weight_decay, "
        "learning_rate, numbers."
    ),
    "space: {activation: rleu}": (
        '2:21: space.activation: "rleu" is not known. Did you mean relu? Legal: relu, leaky_relu, prelu, elu, selu, '
        "swish, tanh, softsign."
    ),
    "space: {activation: {type: choice, values: [relu, gelu]}}": (
        '2:51: space.activation.values.1: "gelu" is not known. Did you mean elu? Legal: relu, leaky_relu, prelu, '
        "elu, selu, swish, tanh, softsign."
    ),
    "space: {activation: {type: choice, values: [relu, elu, relu]}}": (
        '2:56: space.activation.values.2: "relu" is listed twice; take one out.'
    ),
    "space: {activation: {type: choice, values: []}}": (
        "2:44: space.activation.values: 0 entries are too few: at least 1."
    ),
    "space: {activation: {type: choice, values: relu}}": (
        '2:44: space.activation.values: "relu" is not a list; write ["relu"].'
    ),
    "space: {activation: {type: choice, values: [relu], default: elu}}": (
        '2:61: space.activation.default: "elu" is not among the values ["relu"].'
    ),
    "space: {activation: {type: int, low: 1, high: 2}}": (
        '2:28: space.activation.type: "int" is not a type for it. Legal here: type: choice, or a plain value.'
    ),
    "space: {batch_norm: yes}": '2:21: space.batch_norm: "yes" is neither true nor false.',
    "space: {depth: 0}": "2:16: space.depth: 0 is too small: it must be at least 1.",
    "space: {depth: 2.5}": "2:16: space.depth: 2.5 is not a whole number.",
    "space: {depth: true}": "2:16: space.depth: true is not a whole number.",
    "space: {depth: two}": '2:16: space.depth: "two" is not a whole number.',
    "space: {depth: [1, 2]}": "2:16: space.depth: to choose from a list write {type: choice, values: [1, 2]}.",
    "space: {depth: {low: 1, high: 2}}": (
        "2:16: space.depth: does not say its type. Legal here: type: int or type: choice, or a plain value."
    ),
    "space: {depth: {type: int, low: 1}}": "2:9: space.depth.high: is missing. The largest value tried.",
    "space: {depth: {type: int, low: 6, high: 1}}": "2:42: space.depth.high: 1 lies below low 6; exchange them.",
    "space: {depth: {type: int, low: 6, high: 6}}": (
        "2:42: space.depth.high: low and high are both 6; write the plain value to fix it."
    ),
    "space: {depth: {type: int, low: 1, high: 65}}": "2:42: space.depth.high: 65 is too large: it must be at most 64.",
    "space: {depth: {type: int, low: 1, high: 6, zero: 0.1}}": (
        "2:45: space.depth.zero: unknown key. Legal: type, low, high, log, n, default."
    ),
    "space: {depth: {type: int, low: 1, high: 6, default: 7}}": "2:54: space.depth.default: 7 lies outside 1 to 6.",
    "space: {depth: {type: int, low: 1, high: 6, n: 0}}": "2:48: space.depth.n: 0 is too small: it must be at least 1.",
    "space: {width: 70000}": "2:16: space.width: 70000 is too large: it must be at most 65536.",
    "space: {taper: 0}": "2:16: space.taper: 0 is too small: it must be above 0.",
    "space: {taper: .nan}": "2:16: space.taper: NaN is not a finite number.",
    "space: {widths: {type: choice, values: [[1], [2]]}}": (
        "2:17: space.widths: cannot be searched; write a plain value."
    ),
    "space: {widths: []}": "2:17: space.widths: 0 entries are too few: at least 1.",
    "space: {widths: [64, 0]}": "2:22: space.widths.1: 0 is too small: it must be at least 1.",
    "space: {widths: [64], taper: 1.0}": (
        "2:23: space.taper: widths already says how many layers and how wide; keep one of the two."
    ),
    "space: {dropout: 1.0}": "2:18: space.dropout: 1.0 is too large: it must be below 1.",
    "space: {l2: {type: float, low: 0, high: 1, log: true}}": (
        "2:32: space.l2.low: 0 has no logarithm: with log: true, low must be above 0."
    ),
    "space: {l2: {type: float, low: 0.1, high: 1, zero: 1}}": (
        "2:52: space.l2.zero: 1 is too large: it must be below 1."
    ),
    "space: {l2: {type: float, low: 0.1, high: .inf}}": "2:43: space.l2.high: Infinity is not a finite number.",
    "space: {l2: {type: float, low: 0.1, high: 1, log: on}}": '2:51: space.l2.log: "on" is neither true nor false.',
    "space: {l2: -1}": "2:13: space.l2: -1 is too small: it must be at least 0.",
    "space: {l2: '0.1'}": '2:13: space.l2: "0.1" is not a number.',
    "space: {learning_rate: {type: float, low: 1e-4, high: 0.1, zero: 0.4}}": (
        "2:66: space.learning_rate.zero: this cannot be off: it must stay above 0; leave zero out."
    ),
    "space: {numbers: quantiles}": (
        '2:18: space.numbers: "quantiles" is not known. Did you mean quantile? Legal: robust, quantile, bins.'
    ),
    "space: {numbers: {type: float, low: 0, high: 1}}": (
        '2:25: space.numbers.type: "float" is not a type for it. Legal here: type: choice, or a plain value.'
    ),
    "train: {optimizer: Adma}": (
        '2:20: train.optimizer: "Adma" is not known. Did you mean adam? Legal: adam, adamw, sgd, rmsprop.'
    ),
    "train: {batch_size: 0}": "2:21: train.batch_size: 0 is neither auto nor a whole number of rows from 1 to 1000000.",
    "train: {patience: 1.5}": (
        "2:19: train.patience: 1.5 is neither auto nor a whole number of epochs from 1 to 100000."
    ),
    "train: {loss: mse, output: softmax}": (
        "2:28: train.output: softmax is for multiclass targets and does not go with mse."
    ),
    "train: {loss: mse}\nsearch: {objective: roc_auc}": (
        "3:21: search.objective: roc_auc is for binary or multiclass targets and does not go with mse."
    ),
    "search: {sampler: TPEE}": (
        '2:19: search.sampler: "TPEE" is not known. Did you mean tpe? '
        "Legal: tpe, random, gp, cmaes, qmc, grid, nsga2, bayesian, hyperband."
    ),
    "evidence: {effects: 2}": (
        "2:21: evidence.effects: 2 is neither auto, nor 0 for none, nor a number of repeats from 3 to 100."
    ),
    "evidence: ful": (
        '2:11: evidence: "ful" is not known. Did you mean full? '
        "Legal: none, quick, full, or the keys finalists, repeats, effects, baselines, threshold, margin, columns, "
        "layers."
    ),
    "search: {pruner: wilcoxon}": (
        "2:18: search.pruner: wilcoxon compares trials fold by fold and is sure after four that are all worse; "
        "data.valid has one pair of training and validation rows. Write data.valid: {folds: 5} or more, or take asha, "
        "hyperband, median, one_epoch or none."
    ),
    "search: {trials: 0}": "2:18: search.trials: 0 is too small: it must be at least 1.",
    "search: {seed: -1}": "2:16: search.seed: -1 is too small: it must be at least 0.",
    "search: {budget: 10 minutes}": (
        '2:18: search.budget: "10 minutes" is not a duration. Write it with units: 90s, 10m, 1h30m.'
    ),
    "search: {budget: 0}": "2:18: search.budget: 0 is not a duration. Write it with units: 90s, 10m, 1h30m.",
    "search: {budget: true}": "2:18: search.budget: true is not a duration. Write it with units: 90s, 10m, 1h30m.",
}


@pytest.mark.parametrize(("text", "said"), WRONG_VALUES.items(), ids=list(WRONG_VALUES))
def test_a_wrong_value_is_named_with_its_place_and_what_is_legal(text: str, said: str) -> None:
    assert faults(HEAD + text) == [f"my.yaml:{said}"]


WRONG_DATA = {
    "{}": "data.source: is missing. The table: FILE.csv, .tsv or .parquet",
    "{source: ''}": 'data.source: "" is too short: at least 1 characters.',
    "{source: [a.csv]}": 'data.source: ["a.csv"] is not text; put it in quotes if text is meant.',
    "{source: a, target: []}": "data.target: [] is neither a column nor a list of different columns.",
    "{source: a, target: [x, x]}": 'data.target: ["x", "x"] is neither a column nor a list of different columns.',
    "{source: a, target: 1.5}": "data.target: 1.5 is neither a column nor a list of different columns.",
    "{source: a, number_bins: 1}": "data.number_bins: 1 bin says what the number says; take 2 or more, or 0 for none.",
    "{source: a, target: y, drop: [x, y]}": 'data.drop.1: "y" is also the target; it is in one of the two.',
    "{source: a, target: [x, y], groups: y}": 'data.groups: "y" is also the target; it is in one of the two.',
    "{source: a, drop: id}": 'data.drop: "id" is not a list; write ["id"].',
    "{source: a, drop: [true]}": "data.drop.0: true is not text; put it in quotes if text is meant.",
    "{source: a, test: 1}": "data.test: 1 is neither a share of rows between 0 and 1, such as 0.2, nor a file, "
    "nor null for none.",
    "{source: a, valid: {}}": "data.valid: takes auto, or one of {holdout: 0.2} and {folds: 5}.",
    "{source: a, valid: {holdout: 0.2, folds: 5}}": "data.valid: takes auto, or one of {holdout: 0.2} and {folds: 5}.",
    "{source: a, valid: {folds: 1}}": "data.valid.folds: 1 is too small: it must be at least 2.",
    "{source: a, valid: 0.2}": "data.valid: 0.2 stands where keys are expected. Legal keys: holdout, folds.",
    "{source: a, delimiter: ', '}": 'data.delimiter: ", " is too long: at most 1 characters.',
    "{source: a, header: maybe}": 'data.header: "maybe" is not known. Legal: auto, true, false.',
    "{source: a, encoding: utf-9}": (
        'data.encoding: "utf-9" is no encoding known here. Common ones: utf-8, cp1252, latin-1.'
    ),
    "{source: a, task: binray}": 'data.task: "binray" is not known. Did you mean binary?',
}


@pytest.mark.parametrize(("text", "said"), WRONG_DATA.items(), ids=list(WRONG_DATA))
def test_wrong_data_sections(text: str, said: str) -> None:
    (fault,) = faults(f"data: {text}\n")
    assert re.match(r"my\.yaml:1:\d+: ", fault)
    assert fault.partition(": ")[2].startswith(said)


@pytest.mark.parametrize(
    ("task", "keys", "said"),
    [
        ("regression", "train: {loss: binary_crossentropy}",
         "train.loss: binary_crossentropy is for binary targets, and data.task is regression. "
         "Legal: auto, mse, mae, huber."),
        ("binary", "train: {output: linear}",
         "train.output: linear is for regression targets, and data.task is binary. Legal: auto, sigmoid."),
        ("multiclass", "search: {objective: rmse}",
         "search.objective: rmse is for regression targets, and data.task is multiclass. "
         "Legal: auto, log_loss, accuracy, balanced_accuracy, roc_auc."),
        ("regression", "search: {objective: accuracy}",
         "search.objective: accuracy is for binary or multiclass targets, and data.task is regression. "
         "Legal: auto, rmse, mae."),
    ],
)  # fmt: skip
def test_a_stated_task_refuses_what_is_for_another(task: str, keys: str, said: str) -> None:
    (fault,) = faults(f"data: {{source: a.csv, task: {task}}}\n{keys}\n")
    assert fault.endswith(said)


WRONG_TEXTS = {
    "": (
        "my.yaml:1:1: the file is empty. It needs the keys kind, data, space, train, search, model, evidence, ignore; "
        "copy the shipped space tabular to begin."
    ),
    "# nothing\n": (
        "my.yaml:1:1: the file is empty. It needs the keys kind, data, space, train, search, model, evidence, ignore; "
        "copy the shipped space tabular to begin."
    ),
    "- a\n- b\n": (
        'my.yaml:1:1: ["a", "b"] stands where keys are expected. '
        "Legal keys: kind, data, space, train, search, model, evidence, ignore."
    ),
    "just words": (
        'my.yaml:1:1: "just words" stands where keys are expected. '
        "Legal keys: kind, data, space, train, search, model, evidence, ignore."
    ),
    "data:\n\tsource: a.csv\n": "my.yaml:2:1: a tab indents this line; use spaces.",
    "data: {source: a.csv}\ndata: {source: b.csv}\n": (
        "my.yaml:2:1: data: this key stands twice, first in line 1; take one out."
    ),
    "data: {source: a.csv}\n---\ndata: {source: b.csv}\n": (
        "my.yaml:2:1: a second document begins here; a space file holds one, so take the line --- out."
    ),
    "data: source: a.csv\n": "my.yaml:1:13: a colon too many: quote text that holds a colon, or check the indent.",
    "data: {source: a.csv\n": "my.yaml:2:1: a bracket or brace is still open, or a comma is missing before this.",
    "data:\n  source: a.csv\n target: y\n": "my.yaml:3:2: this line is not indented like those above it.",
    "data: {source: *a}\n": "my.yaml:1:16: this alias names an anchor that is not written above it.",
    'data: {source: "a.csv}\n': "my.yaml:2:1: a quote is still open where the file ends.",
    "data: {source: !!python/object:os.system a}\n": (
        "my.yaml:1:16: data.source: the tag !!python/object:os.system is not supported; write the plain value."
    ),
    "data: {source: a.csv}\n? [a, b]\n: c\n": "my.yaml:2:3: a key must be a plain word.",
    "data: {source: a\x00.csv}\n": (
        'my.yaml:1:1: not text that YAML can hold ("unacceptable character #x0000: special characters are not …); '
        "save the file as plain UTF-8."
    ),
    "data: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n": (
        "my.yaml:1:26: nested more than 20 levels deep; a space needs five."
    ),
    "data: &a {source: *a}\n": (
        "my.yaml:1:1: more than 10000 values, or 20 levels, once aliases are written out; write less."
    ),
}


@pytest.mark.parametrize(("text", "said"), WRONG_TEXTS.items(), ids=list(WRONG_TEXTS))
def test_text_that_is_no_space(text: str, said: str) -> None:
    assert said in faults(text)


def test_a_bomb_of_aliases_ends_soon() -> None:
    layers = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
    (fault,) = faults(f"a0: &a0 [x, x, x]\n{layers}")
    assert f"more than {MAX_NODES} values" in fault


def test_all_faults_come_at_once_in_the_order_of_the_file_then_of_the_command_line() -> None:
    text = (
        "data: {sauce: a.csv, task: binary}\n"
        "space:\n"
        "  depth: {type: int, low: 6, high: 1, n: 0}\n"
        "  depth: 3\n"
        "  dropout: 2\n"
        "train: {loss: mse, patience: 0}\n"
        "search: {objective: rmse, trials: many}\n"
    )
    places = [fault.partition(": ")[0] for fault in faults(text, "search.seed=-1", "nonsense")]
    lines = ["1:1", "1:8", "3:36", "3:42", "4:3", "5:12", "6:15", "6:30", "7:21", "7:35"]
    assert places == [*(f"my.yaml:{line}" for line in lines), "--set nonsense", "--set search.seed=-1"]


def test_a_long_list_of_faults_is_cut() -> None:
    listed = faults(HEAD + "".join(f"key{n}: 1\n" for n in range(MAX_SHOWN + 3)))
    assert len(listed) == MAX_SHOWN + 1
    assert listed[-1] == "… and 3 more"


def test_a_long_value_is_cut() -> None:
    (fault,) = faults(f"{HEAD}kind: {'x' * 5000}\n")
    assert len(fault) < 200


@pytest.mark.parametrize("numbers", ["quantile", "{type: choice, values: [robust, quantile]}"])
def test_bins_that_no_network_is_given_are_told(numbers: str) -> None:
    said = "my.yaml:1:36: data.number_bins: 8 bins are asked for, but space.numbers gives no network bins. Add bins to "
    assert faults(f"data: {{source: a.csv, number_bins: 8}}\nspace: {{numbers: {numbers}}}\n") == [
        said + "its values, or leave number_bins out."
    ]


@pytest.mark.parametrize("numbers", ["bins", "{type: choice, values: [robust, bins]}", "null"])
def test_bins_that_networks_are_given_are_right(numbers: str) -> None:
    text = f"data: {{source: a.csv, number_bins: 8}}\nspace: {{numbers: {numbers}}}\n"
    assert parse_space(text, name="my.yaml").data.number_bins == 8


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("search.sampler", "--set search.sampler: write path=value, such as search.sampler=random."),
        ("=random", "--set =random: write path=value, such as search.sampler=random."),
        ("search..seed=1", "--set search..seed=1: write path=value, such as search.sampler=random."),
        ("search.sampler=randm",
         '--set search.sampler=randm: search.sampler: "randm" is not known. Did you mean random? '
         "Legal: tpe, random, gp, cmaes, qmc, grid, nsga2, bayesian, hyperband."),
        ("serch.seed=1",
         "--set serch.seed=1: serch: unknown key. Did you mean search? "
         "Legal: kind, data, space, train, search, model, evidence, ignore."),
        ("search.sed=1",
         "--set search.sed=1: search.sed: unknown key. Did you mean seed? "
         "Legal: engine, sampler, pruner, trials, budget, concurrency, max_params, max_seconds_per_trial, warm_start, "
         "seed, objective."),
        ("space.taper.low=1",
         "--set space.taper.low=1: space.taper.low: space.taper is the plain value 1.0; replace it as a whole."),
        ("space.depth={type: int, low: 1",
         "--set space.depth={type: int, low: 1: space.depth: a bracket or brace is still open, or a comma is missing "
         "before this."),
        ("space.depth={type: int}",
         "--set space.depth={type: int}: space.depth.high: is missing. The largest value tried."),
        ("space.widths=[64]",
         "my.yaml:2:9: space.taper: widths already says how many layers and how wide; keep one of the two."),
        ("data=x.csv",
         '--set data=x.csv: data: "x.csv" stands where keys are expected. Legal keys: source, target, task, drop, '
         "categories, numbers, keep, merge, ordinal, number_bins, groups, time, gap, weights, positive, costs, test, "
         "augment, rows, valid, sheet, delimiter, decimal, thousands, missing, header, encoding."),
    ],
)  # fmt: skip
def test_a_wrong_override_is_told_like_a_wrong_line(override: str, said: str) -> None:
    assert said in faults(f"{HEAD}space: {{taper: 1.0}}\n", override)


def test_four_folds_save_nothing_and_five_are_legal() -> None:
    with pytest.raises(SpaceError, match=r"all worse; data\.valid has 4 folds\. Write data\.valid: \{folds: 5\}"):
        load_space("tabular", {"search.pruner": "wilcoxon", "data.valid": {"folds": 4}})
    assert load_space("tabular", {"search.pruner": "wilcoxon", "data.valid": {"folds": 5}}).data.valid.folds == 5


def test_a_wrong_value_by_path_says_where_it_came_from() -> None:
    with pytest.raises(SpaceError, match=r"override of search.trials: search.trials: 0 is too small"):
        load_space("tabular", {"search.trials": 0})


def write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


def test_a_file_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpaceError, match=r"There is no space file tabluar\. Did you mean tabular\? Give the path of a"):
        load_space("tabluar")
    with pytest.raises(SpaceError, match=r"There is no space file my/tabular\.yaml\. Did you mean tabular\?"):
        load_space("my/tabular.yaml")


def test_a_folder_is_no_space(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=r"is a folder\. Give a space file in it, or the name of one that ships"):
        load_space(tmp_path)


def test_a_table_is_no_space(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=r"looks like a table.*run tabular --data .*rows\.csv --target COLUMN"):
        load_space(write(tmp_path / "rows.csv", b"a,b\n1,2\n"))


def test_a_file_in_another_encoding(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=r"my\.yaml:2: byte 26 is not UTF-8.*Save the file as UTF-8"):
        load_space(write(tmp_path / "my.yaml", b"data: {source: a.csv}\n# pr\xe9cis\n"))
    with pytest.raises(SpaceError, match=r"my\.yaml:1: byte 0 is not UTF-8"):
        load_space(write(tmp_path / "my.yaml", "kind: search".encode("utf-16")))


def test_a_file_too_large(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=r"has 65,537 bytes; a space file has at most 65,536. Is it another file"):
        load_space(write(tmp_path / "my.yaml", b"#" * (MAX_BYTES + 1)))


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Path) -> bytes:
        raise PermissionError(13, os.strerror(13))

    path = write(tmp_path / "my.yaml", b"kind: search\n")
    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(SpaceError, match=r"my\.yaml cannot be read: Permission denied\. Check the path"):
        load_space(path)
