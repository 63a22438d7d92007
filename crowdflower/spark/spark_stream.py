"""A stream of judgments: each once, in whatever order they appear in the report."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from pyspark.sql.datasource import SimpleDataSourceStreamReader

from crowdflower.exceptions import InvalidInput
from crowdflower.spark.spark_options import SparkOptions
from crowdflower.spark.spark_source import arrow_schema, plan_read, spark_words

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from pyspark.sql.types import StructType

ID: Final = "judgment_id"
SEEN: Final = "seen"
"""The offset: the ids of all judgments that were delivered."""


class JudgmentStream(SimpleDataSourceStreamReader):
    """Reads new judgments from the report of each job.

    A judgment may appear after others with higher ids, so an offset is not the highest id but all
    ids: as differences, compressed, in less than one byte per judgment on average.
    """

    def __init__(self, options: SparkOptions, schema: StructType) -> None:
        self.options = options
        self.schema = arrow_schema(schema)

    def initialOffset(self) -> dict[str, str]:  # noqa: N802 - PySpark's name
        """Return the offset before the first judgment.

        :raises InvalidInput: The stream is of another table. PySpark would hide what the
            constructor raises.
        """
        table = self.options["table"]
        if table != "judgments":
            raise InvalidInput(
                f"a stream has new judgments, not {table}: leave out the option table, or read"
                f" {table} with spark.read"
            )
        return {SEEN: encode_ids([])}

    def read(self, start: dict[str, str]) -> tuple[Iterator[Any], dict[str, str]]:
        """Return the judgments that are not in an offset, and the offset after them."""
        import numpy as np  # noqa: PLC0415 - optional

        seen = decode_ids(start[SEEN])
        batches, ids = self._read(lambda found: ~np.isin(found, seen))
        return iter(batches), {SEEN: encode_ids(np.concatenate([seen, *ids]))} if ids else start

    def readBetweenOffsets(  # noqa: N802 - PySpark's name
        self, start: dict[str, str], end: dict[str, str]
    ) -> Iterator[Any]:
        """Return the judgments that are in one offset and not in the other, after a restart."""
        import numpy as np  # noqa: PLC0415 - optional

        before, after = decode_ids(start[SEEN]), decode_ids(end[SEEN])
        batches, _ = self._read(lambda found: np.isin(found, after) & ~np.isin(found, before))
        return iter(batches)

    def _read(self, choose: Any) -> tuple[list[pa.RecordBatch], list[Any]]:
        """Return batches of the chosen judgments, and their ids."""
        import pyarrow as pa  # noqa: PLC0415 - optional

        from crowdflower.tables.partitions import read_partition  # noqa: PLC0415 - imports pyarrow

        schema, names = self.schema, self.schema.names
        given_id = next((name for name in names if name.lower() == ID), ID)  # Spark ignores case
        if given_id not in names:
            schema = schema.append(pa.field(ID, pa.int64()))
        batches, ids = [], []
        with self.options.client() as client, spark_words():
            for partition in plan_read(client, self.options, schema).partitions:
                for batch in read_partition(client, partition):
                    found = batch.column(given_id).to_numpy(zero_copy_only=False).astype("int64")
                    mask = choose(found)
                    if mask.any():
                        ids.append(found[mask])
                        chosen = batch.filter(pa.array(mask))
                        columns = [chosen.column(name) for name in names]
                        batches.append(pa.RecordBatch.from_arrays(columns, schema=self.schema))
        return batches, ids


def encode_ids(ids: Any) -> str:
    """Return a set of ids as a short string, the same for the same set.

    >>> len(encode_ids(range(100_000))) < 2_000
    True
    >>> decode_ids(encode_ids([7, 1_000_000_000_000, 8])).tolist()
    [7, 8, 1000000000000]
    """
    import numpy as np  # noqa: PLC0415 - optional

    values = np.unique(np.asarray(ids, np.int64))
    steps = np.diff(values, prepend=np.int64(0))
    # Byte by byte: the high bytes of all steps are nearly always 0, and compress to nothing.
    planes = steps.astype("<i8").view(np.uint8).reshape(-1, 8).T
    return base64.b64encode(zlib.compress(planes.tobytes(), 6)).decode("ascii")


def decode_ids(text: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the ids in a string of :func:`encode_ids`, in ascending order."""
    import numpy as np  # noqa: PLC0415 - optional

    planes = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    steps = np.ascontiguousarray(planes.reshape(8, -1).T).view("<i8").ravel()
    return np.cumsum(steps, dtype=np.int64)
