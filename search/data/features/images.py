"""Images as a table, one row an image, one column a pixel; from arrays, whatever file they came in (`image_files.py`).

    x        (n, H, W) or (n, H, W, C)          the images          y        (n,)  their labels
    x_train, y_train                            the same            x_test, y_test  a test part of their own

A row holds an image's pixels from left to right, then from top to bottom, the channels of a pixel beside each other:
`x.reshape(n, H * W * C)`. All pixels are standardised by one mean and one standard deviation, learnt from training rows
like everything else. One pair and not one a pixel, because pixels are measured in one unit, and a corner that is nearly
always black would else be blown up to the size of what matters. Standardised and not only brought to [0, 1], because
initial weights are made for inputs of mean 0 and variance 1, as numbers of a table are.
"""

from __future__ import annotations

import io
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.errors import DataError
from ffsearch.search.base.texts import counted, first_line
from ffsearch.search.data.features.aligned import aligned_empty
from ffsearch.search.data.features.preprocess import Preprocessor
from ffsearch.search.data.features.problem import MatrixColumns

__all__ = [
    "IMAGE",
    "LABEL",
    "AnyPreprocessor",
    "ImageLayout",
    "ImagePreprocessor",
    "ImageShape",
    "Images",
    "as_images",
    "image_size",
    "images_from",
    "npz_arrays",
    "pixel_names",
    "pixels_of",
    "row_digests",
]

ImageShape = tuple[int, int, int]
"""Height, width, channels."""

LABEL: Final = "label"
"""What the target of images is called: arrays have no column names."""

IMAGE: Final = "image"
"""What the one input of a model for images is called."""

MAX_CHANNELS: Final = 4
"""Most channels. Choice: red, green, blue and transparency; more means that they stand in another place."""

_CHUNK: Final = 4096
"""Rows looked at together. Choice: keeps what is computed in float64 to some tens of MB."""


@dataclass(frozen=True, kw_only=True)
class Images:
    """The arrays of a file, test images last.

    Args:
        frame: A row an image: its pixels under `pixel_names`, uint8 or float32, and its label under `LABEL`.
        shape: Height, width, channels.
        n_test_rows: Rows at the end that the file itself sets apart as a test part.
    """

    frame: pd.DataFrame
    shape: ImageShape
    n_test_rows: int


def images_from(arrays: Mapping[str, NDArray[Any]], name: str) -> Images:
    """The images and labels of arrays.

    Args:
        arrays: `x` and `y`, or `x_train`, `y_train` and perhaps `x_test`, `y_test`.
        name: What to call their file in errors.

    Raises:
        DataError: If an array is missing, or holds something else than images or labels.
    """
    if "x" in arrays and "y" in arrays:
        parts = [_part(arrays, "", name=name)]
    elif "x_train" in arrays and "y_train" in arrays:
        parts = [_part(arrays, ending, name=name) for ending in ("_train", "_test") if f"x{ending}" in arrays]
    else:
        held = ", ".join(sorted(arrays)) or "nothing"
        raise DataError(
            f"{name} holds {held}; images are read from arrays called x and y, or x_train, y_train, x_test and y_test. "
            "Save it again: numpy.savez_compressed(FILE, x=images, y=labels)."
        )
    shapes = {shape for _, _, shape in parts}
    if len(shapes) > 1:
        sizes = " and ".join(_by(shape) for _, _, shape in parts)
        raise DataError(f"{name}: images of x_train and x_test are {sizes}. Make them of one size.")
    pixels = np.concatenate([part for part, _, _ in parts]) if len(parts) > 1 else parts[0][0]
    frame = pd.DataFrame(pixels, columns=pixel_names(parts[0][2]), copy=False)
    frame[LABEL] = np.concatenate([labels for _, labels, _ in parts])
    return Images(frame=frame, shape=parts[0][2], n_test_rows=len(parts[1][0]) if len(parts) > 1 else 0)


def pixel_names(shape: ImageShape) -> list[str]:
    """A name for every column: `pixel 3,17`, counted from 0 at the top left; with channels `pixel 3,17,0`."""
    height, width, channels = shape
    places = [f"pixel {row},{column}" for row in range(height) for column in range(width)]
    return places if channels == 1 else [f"{place},{channel}" for place in places for channel in range(channels)]


def pixels_of(frame: pd.DataFrame, shape: ImageShape) -> NDArray[Any]:
    """The pixels of a frame, shape (n_rows, H * W * C), whatever the order of its columns and whatever else it has.

    Raises:
        DataError: If pixels are missing.
    """
    names = pixel_names(shape)
    if frame.columns[: len(names)].tolist() == names:
        return frame.iloc[:, : len(names)].to_numpy()
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise DataError(
            f"These rows lack {len(missing)} of the {len(names)} pixels of an image of {_by(shape)}, such as "
            f"{missing[0]!r}. Give the images as an array, or one column a pixel."
        )
    return frame[names].to_numpy()


def row_digests(pixels: NDArray[Any]) -> NDArray[np.uint64]:
    """A number for each image, the same for the same pixels, shape (n_rows,)."""
    from hashlib import blake2b

    digests = b"".join(blake2b(row.tobytes(), digest_size=8).digest() for row in pixels)
    return np.frombuffer(digests, dtype=np.uint64)


# --- from pixels to a matrix -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ImageLayout:
    """What the columns of the matrix are: the pixels of an image."""

    shape: ImageShape

    @property
    def n_features(self) -> int:
        """Columns of the matrix."""
        height, width, channels = self.shape
        return height * width * channels

    def matrix_columns(self) -> MatrixColumns:
        """Every pixel a number by itself."""
        return MatrixColumns.of_numbers(self.n_features, image=self.shape)


@dataclass(frozen=True, kw_only=True)
class ImagePreprocessor:
    """How pixels are standardised: `(pixel - mean) / scale`, both exact in float32.

    Args:
        shape: Height, width, channels.
        mean: Of all pixels of the training rows.
        scale: Their standard deviation; 1 where all are alike.
    """

    shape: ImageShape
    mean: float
    scale: float

    @classmethod
    def fit(cls, layout: ImageLayout, raw: Mapping[str, NDArray[Any]]) -> ImagePreprocessor:
        """Learn mean and scale.

        Args:
            layout: What the matrix looks like.
            raw: Pixels of the training rows and of no other rows under `IMAGE`, shape (n_rows, H * W * C).
        """
        chunks = range(0, len(raw[IMAGE]), _CHUNK)
        size = raw[IMAGE].size
        mean = sum(float(raw[IMAGE][at : at + _CHUNK].sum(dtype=np.float64)) for at in chunks) / size
        squares = sum(float(np.square(raw[IMAGE][at : at + _CHUNK] - mean).sum(dtype=np.float64)) for at in chunks)
        scale = np.float32(np.sqrt(squares / size))
        usable = np.isfinite(scale) and scale > np.finfo(np.float32).tiny
        return cls(shape=layout.shape, mean=float(np.float32(mean)), scale=float(scale) if usable else 1.0)

    @property
    def n_features(self) -> int:
        """Columns of the matrix."""
        return ImageLayout(shape=self.shape).n_features

    @property
    def feature_names(self) -> tuple[str, ...]:
        """A name for each column of the matrix."""
        return tuple(pixel_names(self.shape))

    def raw_inputs(self, frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
        """The pixels of a frame under `IMAGE`; `pixels_of` tells more."""
        return {IMAGE: pixels_of(frame, self.shape)}

    def transform(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """The matrix of a frame of pixels, shape (n_rows, n_features).

        Raises:
            DataError: If pixels are missing.
        """
        return self.matrix(self.raw_inputs(frame), n_rows=len(frame))

    def matrix(self, raw: Mapping[str, NDArray[Any]], *, n_rows: int) -> NDArray[np.float32]:
        """The matrix of pixels, shape (n_rows, n_features)."""
        matrix = aligned_empty((n_rows, self.n_features))
        matrix[:] = raw[IMAGE].reshape(n_rows, self.n_features)
        matrix -= np.float32(self.mean)
        matrix /= np.float32(self.scale)
        return matrix

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, fit for JSON."""
        return {"image": list(self.shape), "mean": self.mean, "scale": self.scale}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ImagePreprocessor:
        """The preprocessor that `to_dict` wrote."""
        height, width, channels = values["image"]
        return cls(shape=(height, width, channels), mean=values["mean"], scale=values["scale"])


AnyPreprocessor = Preprocessor | ImagePreprocessor
"""Of a table, or of images."""


def image_size(shape: ImageShape) -> tuple[int, ...]:
    """Shape of one image as the saved model takes it: (H, W), or (H, W, C) where it has several channels."""
    return shape if shape[2] > 1 else shape[:2]


def as_images(given: pd.DataFrame | NDArray[Any], shape: ImageShape) -> NDArray[np.float32]:
    """Images as the saved model takes them, float32 (n_rows, *image_size(shape)).

    Args:
        given: A frame of pixels, or an array of images, with or without an axis for a single channel.
        shape: Height, width, channels.

    Raises:
        DataError: If they are of another size.
    """
    if isinstance(given, pd.DataFrame):
        pixels = pixels_of(given, shape)
    elif given.ndim < 3 or given.shape[1:] not in (shape, image_size(shape)):
        raise DataError(f"These images have shape {given.shape}; the model takes (n, {', '.join(map(str, shape))}).")
    else:
        pixels = given
    return np.asarray(pixels, np.float32).reshape(len(pixels), *image_size(shape))


# --- reading ---------------------------------------------------------------------------------------------------------


def npz_arrays(payload: bytes, name: str) -> dict[str, NDArray[Any]]:
    """The arrays of an `.npz` file that images are read from, under their names in lower case.

    Args:
        payload: The file's bytes. Nothing in it is unpickled.
        name: What to call it in errors.

    Raises:
        DataError: If it is no such file.
    """
    try:
        with np.load(io.BytesIO(payload), allow_pickle=False) as file:
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise DataError(f"{name} is a single array, not an .npz file. {_SAVE}")
            wanted = [key for key in file.files if key.lower() in _KNOWN]
            arrays = {key.lower(): file[key] for key in wanted}
            others = [key for key, array in arrays.items() if not isinstance(array, np.ndarray)]
            if others:  # NumPy gives the bytes of a member that does not begin as an array does
                raise ValueError(f"{others[0]} is no array.")
            return arrays if wanted else {key: np.empty(0) for key in file.files}
    except (
        OSError, EOFError, ValueError, TypeError, KeyError, SyntaxError, zipfile.BadZipFile, zlib.error,
        tokenize.TokenError,  # NumPy reads a head as Python does
    ) as error:  # fmt: skip
        if str(error).startswith("Object arrays"):
            raise DataError(
                f"{name} holds arrays of Python objects, which are never unpickled here. Save texts as "
                "numpy.array(labels, dtype=str), and a table as CSV or Parquet."
            ) from None
        if "pickle" in str(error):  # NumPy's hint how to run what the file brings along
            raise DataError(f"{name} is no readable .npz file: it is no archive of arrays. {_SAVE}") from None
        raise DataError(f"{name} is no readable .npz file: {first_line(error)} {_SAVE}") from None
    except (MemoryError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{name} cannot be read: {str(error) or 'it does not fit into memory'}. {_SAVE}") from None


_KNOWN: Final = frozenset({"x", "y", "x_train", "y_train", "x_test", "y_test"})
_SAVE: Final = "Save it again: numpy.savez_compressed(FILE, x=images, y=labels)."


def _part(
    arrays: Mapping[str, NDArray[Any]], ending: str, *, name: str
) -> tuple[NDArray[Any], NDArray[Any], ImageShape]:
    """Pixels (n_rows, H * W * C), labels (n_rows,) and the shape of one pair of arrays."""
    x_name, y_name = f"x{ending}", f"y{ending}"
    if y_name not in arrays:
        raise DataError(f"{name} holds {x_name} but no {y_name}: every image needs its label. {_SAVE}")
    x, y = arrays[x_name], arrays[y_name]
    shape = _shape(x, f"{name}: {x_name}")
    labels = y.reshape(-1) if y.ndim == 2 and y.shape[1] == 1 else y
    if labels.ndim != 1 or len(labels) != len(x) or labels.dtype.kind not in "biufUS":
        raise DataError(
            f"{name}: {y_name} has shape {y.shape} and type {y.dtype}; it must be one number or text for each of the "
            f"{len(x)} images of {x_name}."
        )
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8", errors="replace")
    return _pixels(x, f"{name}: {x_name}"), labels, shape


def _shape(x: NDArray[Any], what: str) -> ImageShape:
    if x.ndim not in (3, 4) or 0 in x.shape:
        raise DataError(
            f"{what} has shape {x.shape}; images are (n, height, width) or (n, height, width, channels). "
            "Reshape it; a table of numbers goes into a .csv or .parquet file."
        )
    height, width, channels = x.shape[1:] if x.ndim == 4 else (*x.shape[1:], 1)
    if channels > MAX_CHANNELS:
        raise DataError(
            f"{what} has shape {x.shape}, which would be {channels} channels; at most {MAX_CHANNELS} are known. "
            "If the channels come first, move them: numpy.moveaxis(x, 1, -1)."
        )
    return height, width, channels


def _pixels(x: NDArray[Any], what: str) -> NDArray[Any]:
    """As uint8 where they are, else float32; (n_rows, H * W * C)."""
    if x.dtype.kind not in "biuf":
        raise DataError(f"{what} holds {x.dtype}; pixels are numbers.")
    flat = x.reshape(len(x), -1)
    if x.dtype == np.uint8:
        return flat
    with np.errstate(over="ignore"):
        numbers = flat.astype(np.float32)
    n_bad = int(numbers.size - np.isfinite(numbers).sum())
    if n_bad:
        raise DataError(f"{what} has {counted(n_bad, 'missing or infinite pixel')}. Fill them in.")
    return numbers


def _by(shape: ImageShape) -> str:
    """28 x 28, or 32 x 32 x 3."""
    return " x ".join(map(str, shape if shape[2] > 1 else shape[:2]))
