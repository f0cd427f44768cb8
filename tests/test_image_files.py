"""Images in the files that data sets come in: IDX and MATLAB, made here byte by byte."""

from __future__ import annotations

import gzip
import struct
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import savemat

from examples import said
from ffsearch.errors import DataError
from ffsearch.search.data.features.images import LABEL
from ffsearch.search.data.files.sources import Source, read_source
from ffsearch.search.data.files.text import TextSettings
from ffsearch.search.data.prepare import prepare
from ffsearch.spaces.schema import DataSpec

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (24, 5, 4), np.uint8)
LABELS = np.arange(24, dtype=np.uint8) % 3


def idx(array: NDArray[np.uint8]) -> bytes:
    """As LeCun's page describes it: two zeros, the type, the number of dimensions, their sizes, the bytes."""
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder: Path, part: str, images: NDArray[np.uint8], labels: NDArray[np.uint8], *, packed: bool) -> Path:
    pack, end = (gzip.compress, ".gz") if packed else (bytes, "")
    (folder / f"{part}-labels-idx1-ubyte{end}").write_bytes(pack(idx(labels)))
    path = folder / f"{part}-images-idx3-ubyte{end}"
    path.write_bytes(pack(idx(images)))
    return path


def write_mat(path: Path, images: NDArray[Any], labels: NDArray[Any]) -> Path:
    savemat(path, {"X": np.moveaxis(images, 0, -1), "y": labels.reshape(-1, 1)})
    return path


def read(path: Path) -> Source:
    return read_source(str(path), settings=TextSettings())


def refused(path: Path) -> str:
    with pytest.raises(DataError, match=path.name) as caught:
        read(path)
    return str(caught.value)


# --- IDX -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
def test_idx_images_come_with_their_labels_and_their_test_part(tmp_path: Path, *, packed: bool) -> None:
    path = write_idx(tmp_path, "train", IMAGES[:20], LABELS[:20], packed=packed)
    alone = read(path)
    assert alone.n_test_rows == 0
    write_idx(tmp_path, "t10k", IMAGES[20:], LABELS[20:], packed=packed)
    source = read(path)
    assert (source.image, source.n_test_rows, source.target) == ((5, 4, 1), 4, (LABEL,))
    assert source.frame.drop(columns=LABEL).to_numpy().reshape(IMAGES.shape).tolist() == IMAGES.tolist()
    assert source.frame[LABEL].tolist() == LABELS.tolist()
    assert said(source.notices)[0].startswith(f"Read together: {path.name}, train-labels-idx1-ubyte")
    assert source.sha256 != alone.sha256


def test_labels_are_found_as_unpackers_name_them_and_the_digest_sees_them(tmp_path: Path) -> None:
    path = tmp_path / "train-images.idx3-ubyte"
    path.write_bytes(idx(IMAGES))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(LABELS))
    first = read(path)
    assert first.frame[LABEL].tolist() == LABELS.tolist()
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(LABELS[::-1]))
    assert read(path).sha256 != first.sha256


def test_a_test_part_that_is_asked_for_itself_is_a_file_like_any_other(tmp_path: Path) -> None:
    write_idx(tmp_path, "train", IMAGES[:20], LABELS[:20], packed=False)
    path = write_idx(tmp_path, "t10k", IMAGES[20:], LABELS[20:], packed=False)
    assert len(read(path).frame) == 4


def test_damaged_idx_files_are_refused_with_what_they_are(tmp_path: Path) -> None:
    path = write_idx(tmp_path, "train", IMAGES, LABELS, packed=False)
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    assert "there is no train-labels-idx1-ubyte.gz in" in refused(path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(LABELS[:5]))
    assert "y_train has shape (5,)" in refused(path)
    for damaged in (idx(IMAGES)[:-1], idx(IMAGES)[:10]):
        path.write_bytes(damaged)
        assert "It is cut off or damaged. Download it again." in refused(path)
    path.write_bytes(idx(LABELS))
    assert "begins with the bytes 00 00 08 01; an IDX file of bytes in 3 dimensions begins with 00 00 08 03" in refused(
        path
    )
    path.write_bytes(b"")
    assert "of an empty file" in refused(path)


# --- MATLAB ----------------------------------------------------------------------------------------------------------


def test_svhn_files_are_read_in_colour_and_zero_has_its_own_label(tmp_path: Path) -> None:
    images = RNG.integers(0, 256, (30, 6, 6, 3), np.uint8)
    labels = np.arange(30, dtype=np.uint8) % 10 + 1
    path = write_mat(tmp_path / "train_32x32.mat", images[:20], labels[:20])
    write_mat(tmp_path / "test_32x32.mat", images[20:], labels[20:])
    source = read(path)
    assert (source.image, source.n_test_rows) == ((6, 6, 3), 10)
    assert source.frame.drop(columns=LABEL).to_numpy().reshape(images.shape).tolist() == images.tolist()
    assert source.frame[LABEL].tolist() == (labels % 10).tolist()
    assert "Label 10 is the digit 0, as in SVHN, and is called 0." in said(source.notices)
    prepared = prepare(DataSpec(source=str(path), task="multiclass"), seed=0)
    assert prepared.head.n_outputs == 10
    assert len(prepared.splits.test) == 10


def test_other_labels_stay_as_they_are(tmp_path: Path) -> None:
    source = read(write_mat(tmp_path / "mine.mat", IMAGES[..., None], LABELS + 8))
    assert set(source.frame[LABEL]) == {8, 9, 10}
    assert source.notices == ()
    assert source.sha256 == sha256((tmp_path / "mine.mat").read_bytes()).hexdigest()


def test_damaged_mat_files_are_refused_with_a_way_out(tmp_path: Path) -> None:
    path = tmp_path / "train_32x32.mat"
    for payload in (b"", b"no matrix", b"MATLAB 5.0 MAT-file" + bytes(200)):
        path.write_bytes(payload)
        assert "numpy.savez_compressed(FILE, x=images, y=labels)" in refused(path)
    whole = write_mat(path, IMAGES[..., None], LABELS).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "is no readable MATLAB file" in refused(path)
    savemat(path, {"images": IMAGES})
    assert "has no array X; images are read from X, labels from y." in refused(path)
    savemat(path, {"X": IMAGES, "y": LABELS})
    assert "X has shape (24, 5, 4)" in refused(path)
    savemat(path, {"X": np.moveaxis(IMAGES[..., None], 0, -1), "y": np.array(["one", "two"], dtype=object)})
    assert "y is of MATLAB's kind cell, which are no numbers." in refused(path)


def test_a_mat_file_of_more_than_memory_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "train_32x32.mat"
    savemat(path, {"X": np.zeros((1, 1, 1, 2), np.uint8), "y": np.zeros((2, 1), np.uint8)})
    shape = np.array([1, 1, 1, 2], "<i4").tobytes()
    content = path.read_bytes()
    assert content.count(shape) == 1
    path.write_bytes(content.replace(shape, np.array([30_000, 30_000, 300, 2], "<i4").tobytes()))
    assert "unpacks to about 540.0 GB" in refused(path)
