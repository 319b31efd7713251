"""Files in blocks of whole lines."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tailorbird.data.files.blocks import BLOCK_BYTES, BLOCKS_ALIVE, Block, BlockReader

# Lines whose lengths lie around the borders of blocks.
LENGTHS = st.sampled_from(
    [0, 1, 5, 1000, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 2 * BLOCK_BYTES + 7]
)


@given(st.lists(LENGTHS, max_size=12), st.booleans())
def test_blocks_hold_the_lines_of_the_file(lengths: list[int], ended: bool) -> None:  # noqa: FBT001 - drawn
    """Lines come whole and in order, with their place; hash and size are the file's."""
    data = b"\n".join(b"%d" % number * length for number, length in enumerate(lengths))
    data += b"\n" if ended else b""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(data)
        lines: list[bytes] = []
        with path.open("rb", buffering=0) as file:
            reader = BlockReader(file)
            for block in reader:
                found = block.lines()
                assert data[block.offset :].startswith(found[0])
                assert not block.cut
                lines += found
    assert lines == data.removesuffix(b"\n").split(b"\n") or (lines, data) == ([], b"")
    assert reader.size_bytes == len(data)
    assert reader.sha256 == hashlib.sha256(data).hexdigest()
    assert reader.ends_with_newline == (not data or data.endswith(b"\n"))


def test_blocks_stay_readable_for_a_while(tmp_path: Path) -> None:
    """A block keeps its lines until so many further blocks were asked for."""
    path = tmp_path / "file"
    path.write_bytes(b"".join(b"%07d\n" % number for number in range(1_000_000)))
    with path.open("rb", buffering=0) as file:
        alive: list[tuple[bytes, Block]] = []
        for block in BlockReader(file):
            first = b"%07d" % (block.offset // 8)
            alive = [*alive[1 - BLOCKS_ALIVE :], (first, block)]
            assert [one.lines()[0] for _, one in alive] == [start for start, _ in alive]
