"""Which rows of a table differ from those of an earlier run, of which a few numbers are kept.

The service does not say of a result that it changed: a row that is edited, or a contributor who
loses trust, changes results of a job that is finished. So the content decides. A digest per unit
would be large for a million units; those of neighbouring ids share one once there are more than
:data:`MAX_DIGESTS`. A digest is the sum of the hashes of its rows, hence their order makes no
difference, and the digests of two blocks are easily joined.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, Final

from crowdflower.dlt.job_visit import State, require_for_dlt

if TYPE_CHECKING:
    import pyarrow as pa

MAX_DIGESTS: Final = 1000
"""How many digests of a table and job the state of a pipeline holds at most."""

_DIGEST_BYTES: Final = 6
"""An integer of this size is exact in JSON."""

_MODULUS: Final = 1 << (8 * _DIGEST_BYTES)


def changed_rows(tables: Iterable[pa.Table], key: str, state: State) -> Iterator[pa.Table]:
    """Yield the rows that differ from those of the run which left the state, and update it.

    If a block of rows shares a digest, all of its rows are yielded when one of them differs. Rows
    are kept in a temporary file until it is known which ones differ; the first run needs none.

    :param key: The column of ids that the blocks are formed by.
    """
    old = RowDigests.of(state)
    new = RowDigests(old.size)
    if not old.sums:
        for table in tables:
            new.add(table, key)
            yield table
    else:
        pyarrow, compute = require_for_dlt("pyarrow"), require_for_dlt("pyarrow.compute")
        with TemporaryFile(prefix="crowdflower-") as file:
            count = 0
            for count, table in enumerate(tables, start=1):  # noqa: B007 - used below
                new.add(table, key)
                with pyarrow.ipc.new_stream(file, table.schema) as stream:  # they may differ
                    stream.write_table(table)
            changed = pyarrow.array(new.blocks_unlike(old), pyarrow.int64())
            file.seek(0)
            for _ in range(count if len(changed) else 0):
                table = pyarrow.ipc.open_stream(file).read_all()
                blocks = compute.divide(table[key], new.size)
                rows = table.filter(compute.is_in(blocks, value_set=changed))
                if rows.num_rows:
                    yield rows
    new.remember(state)


@dataclass
class RowDigests:
    """The digests of a table.

    :ivar size: How many neighbouring ids share a digest.
    :ivar sums: The digest of each block, by ``id // size``.
    """

    size: int = 1
    sums: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> RowDigests:
        """Return the digests of an earlier run; there are none if it was not completed."""
        sums = {int(block): digest for block, digest in state.get("digests", {}).items()}
        return cls(state.get("digest_size", 1), sums)

    def remember(self, state: State) -> None:
        """Write the digests to the state of a pipeline, which is JSON."""
        state["digest_size"] = self.size
        state["digests"] = {str(block): self.sums[block] for block in sorted(self.sums)}

    def add(self, table: pa.Table, key: str) -> None:
        """Add the rows of a table."""
        for row_id, digest in zip(table[key].to_pylist(), row_hashes(table), strict=True):
            block = row_id // self.size
            self.sums[block] = (self.sums.get(block, 0) + digest) % _MODULUS
            if len(self.sums) > MAX_DIGESTS:
                self._double()

    def blocks_unlike(self, old: RowDigests) -> list[int]:
        """Return the blocks that differ from earlier ones, which are not larger."""
        while old.size < self.size:
            old._double()
        return [block for block, digest in self.sums.items() if old.sums.get(block) != digest]

    def _double(self) -> None:
        joined: dict[int, int] = {}
        for block, digest in self.sums.items():
            joined[block // 2] = (joined.get(block // 2, 0) + digest) % _MODULUS
        self.size, self.sums = self.size * 2, joined


def row_hashes(table: pa.Table) -> Iterator[int]:
    """Yield a hash of each row; a column without a value makes no difference.

    :param table: Without lists and other nested values.
    """
    pyarrow, compute = require_for_dlt("pyarrow"), require_for_dlt("pyarrow.compute")
    binary = pyarrow.large_binary()
    cells = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        is_time = pyarrow.types.is_timestamp(column.type)
        # As an integer, since a time as text needs a database of time zones.
        plain = column.cast(pyarrow.int64()) if is_time else column
        values = plain.cast(pyarrow.large_string()).cast(binary)
        label = pyarrow.scalar(name.encode(), binary)
        cells.append(
            compute.binary_join_element_wise(label, values, pyarrow.scalar(b"\x1f", binary))
        )
    separator = pyarrow.scalar(b"\x1e", binary)
    rows = compute.binary_join_element_wise(*cells, separator, null_handling="skip")
    for row in rows.to_pylist():
        yield int.from_bytes(blake2b(row, digest_size=_DIGEST_BYTES).digest(), "big")
