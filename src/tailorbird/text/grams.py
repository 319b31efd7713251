"""Character n-grams, and vectors made of them without a model."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from tailorbird.exceptions import InvalidInputError
from tailorbird.text.normalize import normalize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

# What is worked on at once stays in the processor's cache: 256 short texts take 4.0 ms of processor
# time in place of 7.3, 128 of a thousand characters 24 in place of 32 (1,536 dimensions, against
# batches of 262,144 characters and 32 MB of sums, 2026-11-22).
_BATCH_CHARACTERS = 1 << 14
_BATCH_TEXTS = 1 << 18  # the row number must fit beside hash, script and size into 64 bits
_BATCH_CELLS = 1 << 17  # 1 MB of sums at a time
_HASH_BITS = 41
_NOTHING = 1e-9

# Weight of a 1-, 2- and 3-gram. One or two letters of an alphabet say next to nothing, one
# ideograph is a word, and hiragana alone is mostly grammar. Chosen by measuring: with equal weights
# 82 % (Japanese) and 63 % (English) of questions find their paragraph first, with these 83 % and
# 81 % (JSQuAD 1.3 and XQuAD, 1,536 dimensions; `tests/text/test_grams.py` holds the floor).
_WEIGHTS = ((1.0, 1.0, 1.0), (0.1, 0.3, 1.0), (0.5, 0.5, 0.5))
_OTHER, _ALPHABET, _HIRAGANA = range(3)
_FIRST_UNSPACED = 0x0E00  # Thai; the blocks before it put spaces between words
_HIRAGANA_FIRST, _HIRAGANA_LAST = 0x3041, 0x309F


def char_grams(text: str, *, low: int, high: int) -> list[str]:
    """List the runs of `low` to `high` neighboring characters of `text`, shortest first.

    Both ends count; the text is taken as it is, so normalize it first where that is wanted. Empty
    for a text shorter than `low`.

    Raises:
        InvalidInputError: `low` is below 1 or above `high`.
    """
    if not 1 <= low <= high:
        msg = f"1 <= low <= high is needed, got low={low!r}, high={high!r}"
        raise InvalidInputError(msg)
    return [
        text[start : start + size]
        for size in range(low, high + 1)
        for start in range(len(text) - size + 1)
    ]


def hash_embedding(texts: Sequence[str], *, dimensions: int) -> NDArray[np.float32]:
    """Embed texts by the characters they share: the same everywhere, without a model.

    Each character 1- to 3-gram of the normalized text is hashed to one of the dimensions with a
    sign and adds 1 + ln(count), weighted by its length and script; then the row is scaled to length
    1. Texts with common wording come close, synonyms do not. The vectors are the same in each
    process and on each platform, up to the last digit of a float32.

    Args:
        texts: What to embed. A blank text gets a vector too, though an arbitrary one: refusing it
            is up to the caller.
        dimensions: Width of the vectors, at least 1; below some hundreds, unlike texts collide.

    Returns:
        n × `dimensions` float32, row i for text i, each of length 1 and finite.

    Raises:
        InvalidInputError: `dimensions` is below 1, or `texts` is a single string.
    """
    import numpy as np  # noqa: PLC0415 - 160 ms that callers without vectors do not pay

    if isinstance(texts, str):
        raise InvalidInputError("a list of texts is needed, got one string: put it into a list")
    if dimensions < 1:
        raise InvalidInputError(f"dimensions must be at least 1, got {dimensions!r}")
    vectors = np.empty((len(texts), dimensions), dtype=np.float32)
    row = 0
    for batch in _batches(texts, dimensions):
        vectors[row : row + len(batch)] = _embed(batch, dimensions)
        row += len(batch)
    return vectors


def _batches(texts: Sequence[str], dimensions: int) -> Iterator[list[str]]:
    """Cut the texts into batches of bounded size, normalized."""
    most = min(_BATCH_TEXTS, max(1, _BATCH_CELLS // dimensions))
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(normalize(text) or text)
        size += len(batch[-1])
        if size >= _BATCH_CHARACTERS or len(batch) >= most:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _embed(texts: list[str], dimensions: int) -> NDArray[np.float64]:
    """Embed one batch of normalized texts."""
    import numpy as np  # noqa: PLC0415 - see hash_embedding

    # A key holds, from the top: row, hash, script, size.
    unique, counts = np.unique(_gram_keys(texts), return_counts=True)
    hashed = (unique >> np.uint64(4)) & np.uint64((1 << _HASH_BITS) - 1)
    weight = np.array(_WEIGHTS)[(unique >> np.uint64(2)) & np.uint64(3), unique & np.uint64(3)]
    sign = 1.0 - 2.0 * (hashed & np.uint64(1))
    row = unique >> np.uint64(4 + _HASH_BITS)
    cell = row * np.uint64(dimensions) + (hashed >> np.uint64(1)) % np.uint64(dimensions)
    values = sign * (1.0 + np.log(counts)) * weight
    counted = np.bincount(cell.astype(np.int64), values, len(texts) * dimensions)
    # The conversion costs nothing: with weights, bincount gives float64, whatever its stub says.
    sums = counted.astype(np.float64, copy=False)
    return _unit_length(sums.reshape(len(texts), dimensions), texts)


def _gram_keys(texts: list[str]) -> NDArray[np.uint64]:
    """Give one key for each 1-, 2- and 3-gram, none across the border of two texts."""
    import numpy as np  # noqa: PLC0415 - see hash_embedding

    joined = "".join(texts).encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(joined, dtype="<u4").astype(np.uint64)
    rows = np.repeat(np.arange(len(texts), dtype=np.uint64), [len(text) for text in texts])
    scripts = np.zeros_like(codes)
    scripts[codes < _FIRST_UNSPACED] = _ALPHABET
    scripts[(codes >= _HIRAGANA_FIRST) & (codes <= _HIRAGANA_LAST)] = _HIRAGANA
    gram, script = codes, scripts
    keys: list[NDArray[np.uint64]] = []
    for size in range(3):
        if size:
            gram = gram[:-1] | (codes[size:] << np.uint64(21 * size))
            script = np.where(script[:-1] == scripts[size:], script[:-1], np.uint64(_OTHER))
        whole = rows[: len(gram)] == rows[size:]
        tail = (script[whole] << np.uint64(2)) | np.uint64(size)
        hashed = _mixed(gram[whole] + np.uint64(size)) >> np.uint64(64 - _HASH_BITS)
        head = (rows[: len(gram)][whole] << np.uint64(_HASH_BITS)) | hashed
        keys.append((head << np.uint64(4)) | tail)
    return np.concatenate(keys)


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scatter 64-bit numbers over all 64 bits, one to one.

    The finalizer of MurmurHash3 by A. Appleby (public domain), `fmix64` in
    https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp (read 2026-11).
    """
    import numpy as np  # noqa: PLC0415 - see hash_embedding

    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        numbers = (numbers ^ (numbers >> np.uint64(33))) * np.uint64(factor)
    return numbers ^ (numbers >> np.uint64(33))


def _unit_length(sums: NDArray[np.float64], texts: list[str]) -> NDArray[np.float64]:
    """Scale each row to length 1; a row whose grams cancel out gets one arbitrary dimension."""
    import numpy as np  # noqa: PLC0415 - see hash_embedding

    lengths = np.sqrt(np.einsum("nd,nd->n", sums, sums))
    for row in np.flatnonzero(lengths < _NOTHING).tolist():
        sums[row] = 0.0
        sums[row, crc32(texts[row].encode("utf-8", "surrogatepass")) % sums.shape[1]] = 1.0
        lengths[row] = 1.0
    scaled: NDArray[np.float64] = sums / lengths[:, None]
    return scaled
