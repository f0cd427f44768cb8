"""Which files hold images: arrays of NumPy, the IDX files of MNIST and its relatives, the MATLAB files of SVHN.

    images.npz                                     x, y, or x_train, y_train, x_test, y_test
    train-images-idx3-ubyte[.gz]                   labels in train-labels-idx1-ubyte beside it, test part in t10k-*
    train_32x32.mat                                X (height, width, channels, n) and y; test part in test_32x32.mat

The parts that a data set keeps in several files are found by their names beside the one that is asked for.
"""

from __future__ import annotations

import io
import math
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.errors import DataError
from ffsearch.search.base.texts import first_line
from ffsearch.search.data.features.images import Images, images_from, npz_arrays
from ffsearch.search.data.files.apart import comes_to_its_end
from ffsearch.search.data.files.decode import refuse_large_archive, refuse_too_large, unpacked
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

__all__ = ["ImageFiles", "is_image_file", "read_image_files"]

_IDX_IMAGES: Final = re.compile(r"(?P<part>.*)images(?P<mark>[-.]idx)3(?P<end>-ubyte)(\.gz)?", re.IGNORECASE)
"""As MNIST, Fashion-MNIST, KMNIST and EMNIST name them; some unpackers write `.idx` for `-idx`."""

_IDX_UBYTE: Final = b"\0\0\x08"
"""How an IDX file of bytes begins; the number of its dimensions follows. Source: Y. LeCun's page of MNIST."""

_TEST_NAMES: Final = (("train-", "t10k-"), ("train-", "test-"), ("train_", "test_"))
"""What stands for a training part in a name, and for the test part that belongs to it."""

_SVHN_ZERO: Final = 10
"""The label of the digit 0 in SVHN's files. Source: its page, http://ufldl.stanford.edu/housenumbers."""


@dataclass(frozen=True, kw_only=True)
class ImageFiles:
    """What one or more files of a data set hold.

    Args:
        images: All of them, those of a test part last.
        sha256: Digest of the bytes of all files.
        notices: Files that were found beside the one asked for, and what their labels mean.
    """

    images: Images
    sha256: str
    notices: tuple[Finding, ...]


@dataclass
class _Files:
    """Reads files, and keeps their digest and names."""

    read: Callable[[Path], bytes]
    digests: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def bytes_of(self, path: Path) -> bytes:
        payload = self.read(path)
        self.digests.append(sha256(payload).hexdigest())
        self.names.append(path.name)
        return payload

    @property
    def digest(self) -> str:
        """Of a single file its own, so that it is the one `sha256sum` prints."""
        return self.digests[0] if len(self.digests) == 1 else sha256(" ".join(self.digests).encode()).hexdigest()


def is_image_file(path: Path) -> bool:
    """Whether a file's name says that it holds images."""
    return path.suffix.lower() in (".npz", ".mat") or _IDX_IMAGES.fullmatch(path.name) is not None


def read_image_files(path: Path, *, read: Callable[[Path], bytes]) -> ImageFiles:
    """Images, their labels and the test part that lies beside them.

    Args:
        path: A file for which `is_image_file` holds.
        read: The bytes of a file; its errors pass.

    Raises:
        DataError: If a file is damaged, lacks something, or its labels are not there.
    """
    files, notices = _Files(read), list[Finding]()
    if path.suffix.lower() == ".npz":
        payload = files.bytes_of(path)
        refuse_large_archive(payload, path.name)
        arrays = npz_arrays(payload, path.name)
    else:
        part_of = _mat_part if path.suffix.lower() == ".mat" else _idx_part
        arrays, test = dict(part_of(path, "_train", files)), _test_beside(path)
        if test is not None:
            arrays |= part_of(test, "_test", files)
        if len(files.names) > 1:
            notices.append(found(Code.READ_TOGETHER, files=tuple(files.names)))
        if path.suffix.lower() == ".mat":
            notices += _name_zero(arrays)
    return ImageFiles(images=images_from(arrays, path.name), sha256=files.digest, notices=tuple(notices))


def _test_beside(path: Path) -> Path | None:
    """The test part that belongs to a training part, in the same folder."""
    for train, test in _TEST_NAMES:
        before, found, after = path.name.rpartition(train)
        beside = path.with_name(f"{before}{test}{after}")
        if found and beside.is_file():
            return beside
    return None


# --- IDX -------------------------------------------------------------------------------------------------------------


def _idx_part(path: Path, ending: str, files: _Files) -> Iterator[tuple[str, NDArray[Any]]]:
    """Images and labels of one part."""
    yield f"x{ending}", _idx_array(files.bytes_of(path), path.name, n_dimensions=3)
    labels = _labels_beside(path)
    yield f"y{ending}", _idx_array(files.bytes_of(labels), labels.name, n_dimensions=1)


def _labels_beside(path: Path) -> Path:
    """The labels of a file of images: packed or not, whatever the images are, and however unpackers name them.

    Raises:
        DataError: If they are not there.
    """
    named = _IDX_IMAGES.fullmatch(path.name)
    assert named is not None
    part, end = named["part"], named["end"]
    other = "." if named["mark"][0] == "-" else "-"
    names = [
        f"{part}labels{mark}1{end}{packed}"
        for mark, packed in product((named["mark"], f"{other}{named['mark'][1:]}"), (".gz", ""))
    ]
    for name in names:
        if path.with_name(name).is_file():
            return path.with_name(name)
    raise DataError(
        f"{path.name} holds images, and their labels are not beside it: there is no {names[0]} in "
        f"{str(path.parent)!r}, packed or not. Put it there."
    )


def _idx_array(payload: bytes, name: str, *, n_dimensions: int) -> NDArray[np.uint8]:
    """The array of an IDX file of bytes.

    Raises:
        DataError: If it is none of so many dimensions, or cut off.
    """
    plain = unpacked(payload, name)
    if plain[:4] != _IDX_UBYTE + bytes([n_dimensions]):
        raise DataError(
            f"{name} begins with the bytes {plain[:4].hex(' ') or 'of an empty file'}; an IDX file of bytes in "
            f"{n_dimensions} dimensions begins with 00 00 08 {n_dimensions:02x}. Download it again."
        )
    start = 4 + 4 * n_dimensions
    if len(plain) < start:
        raise DataError(f"{name} ends after {len(plain)} bytes, inside its head. {_DAMAGED}")
    shape = tuple(map(int, np.frombuffer(plain[4:start], ">u4")))
    if np.prod(shape, dtype=np.int64) != len(plain) - start:
        told = " x ".join(map(str, shape))
        raise DataError(f"{name} says that it holds {told} bytes and holds {len(plain) - start}. {_DAMAGED}")
    return np.frombuffer(plain, np.uint8, offset=start).reshape(shape)


_DAMAGED: Final = "It is cut off or damaged. Download it again."


# --- MATLAB ----------------------------------------------------------------------------------------------------------


def _mat_part(path: Path, ending: str, files: _Files) -> Iterator[tuple[str, NDArray[Any]]]:
    """Images and labels of one part, as SVHN has them: the number of the image is the last dimension.

    Raises:
        DataError: If it is no such file, or lacks an array.
    """
    from scipy.io import loadmat, whosmat

    content = files.bytes_of(path)
    reads = f"loadmat(content, variable_names={[*_MAT_ARRAYS]})"
    if not comes_to_its_end(content, imports="from scipy.io import loadmat", reads=reads):
        raise DataError(f"{path.name} is damaged so that what reads MATLAB files breaks off. {_SAVE_MAT}")
    with _told_of_mat(path.name):
        described = {key: (tuple(shape), kind) for key, shape, kind in whosmat(io.BytesIO(content))}
    for key in sorted(_MAT_ARRAYS.keys() & described.keys()):
        shape, kind = described[key]
        if kind not in _MAT_NUMBERS:
            raise DataError(f"{path.name}: {key} is of MATLAB's kind {kind}, which are no numbers. {_SAVE_MAT}")
        refuse_too_large(math.prod(shape) * np.dtype(_MAT_NUMBERS[kind]).itemsize, path.name)
    with _told_of_mat(path.name):
        arrays = loadmat(io.BytesIO(content), variable_names=[*_MAT_ARRAYS])
    for key, n_dimensions in _MAT_ARRAYS.items():
        if key not in arrays:
            raise DataError(f"{path.name} has no array {key}; images are read from X, labels from y. {_SAVE_MAT}")
        if arrays[key].ndim != n_dimensions:
            raise DataError(f"{path.name}: {key} has shape {arrays[key].shape}. {_SAVE_MAT}")
    yield f"x{ending}", np.ascontiguousarray(np.moveaxis(arrays["X"], -1, 0))
    yield f"y{ending}", arrays["y"].reshape(-1)


@contextmanager
def _told_of_mat(name: str) -> Iterator[None]:
    """What SciPy says of a file that it cannot read, in our words.

    Raises:
        DataError: With the file's name.
    """
    from scipy.io.matlab import MatReadError

    try:
        yield
    except NotImplementedError:
        raise DataError(f"{name} is a MATLAB file of version 7.3. {_SAVE_MAT}") from None
    except (
        MatReadError, OSError, EOFError, ValueError, TypeError, LookupError, AttributeError, OverflowError, MemoryError,
        zlib.error,
    ) as error:  # fmt: skip
        raise DataError(f"{name} is no readable MATLAB file: {first_line(error)}. {_SAVE_MAT}") from None


_MAT_ARRAYS: Final = {"X": 4, "y": 2}
"""The arrays of such a file, and how many dimensions each has."""

_MAT_NUMBERS: Final = {
    **{kind: kind for kind in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")},
    "single": "float32", "double": "float64", "logical": "uint8",
}  # fmt: skip
"""MATLAB's kinds of number, and NumPy's."""

_SAVE_MAT: Final = (
    "A file like SVHN's train_32x32.mat has X (height, width, channels, n) and y (n, 1) and is of version 5; or save "
    "arrays in Python: numpy.savez_compressed(FILE, x=images, y=labels)."
)


def _name_zero(arrays: dict[str, NDArray[Any]]) -> list[Finding]:
    """Give the digit 0 its own label where digits are labelled 1 to 10."""
    labels = {key: array for key, array in arrays.items() if key.startswith("y")}
    values = np.unique(np.concatenate(list(labels.values())))
    if values.min() != 1 or values.max() != _SVHN_ZERO:
        return []
    for key, array in labels.items():
        arrays[key] = array % _SVHN_ZERO
    return [found(Code.LABEL_ZERO)]
