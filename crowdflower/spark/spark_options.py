"""The options of a read or a write in Spark: checked names and values, none of them a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from crowdflower.exceptions import ConfigError, InvalidInput
from crowdflower.http.credentials import mask_key
from crowdflower.models.arguments import did_you_mean
from crowdflower.spark.spark_conditions import parse_conditions

if TYPE_CHECKING:
    from crowdflower.client import Client

TABLES: Final = ("units", "judgments", "results", "jobs")
DEFAULT_TABLE: Final = "judgments"

SECRETS: Final = frozenset(
    {"apikey", "crowdflowerapikey", "token", "password", "secret", "authorization"}
)
"""Options that people try for the API key."""

WHERE_KEYS_BELONG: Final = (
    "Spark logs options: set CROWDFLOWER_API_KEY in the environment of the driver and the workers,"
    " before the session starts, or pass key_file, the path of a file that has the key on each"
    " machine"
)


def _flag(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def _names(text: str) -> tuple[str, ...]:
    names = tuple(each.strip() for each in text.split(","))
    if not all(names):
        raise ValueError(text)
    return names


_CLIENT: Final[Mapping[str, Callable[[str], Any]]] = {
    "allow_insecure": _flag,
    "deadline": float,
    "journal": str,
    "lookahead": int,
    "max_requests_per_second": float,
    "max_spend_cents": int,
    "retries": int,
    "timeout": float,
    "url": str,
}
"""Options that are arguments of :class:`Client`."""

_READ: Final[Mapping[str, Callable[[str], Any]]] = {
    "columns": _names,
    "conditions": parse_conditions,
    "job": _names,
    "key_file": str,
    "partitions": int,
    "requests_per_second": float,
    "table": str,
}
_WRITE: Final[Mapping[str, Callable[[str], Any]]] = {
    "alias": str,
    "force": _flag,
    "job": str,
    "key": str,
    "key_file": str,
    "launch_key": str,
    "max_cost_cents": int,
}
_EXPECTED: Final[Mapping[Any, str]] = {
    _flag: "true or false",
    _names: "names with commas between them",
    float: "a number",
    int: "a whole number",
}


@dataclass(frozen=True)
class SparkOptions:
    """Options by name, and the settings of the client."""

    values: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    key_file: str | None = None

    @classmethod
    def read(cls, options: Mapping[str, str]) -> Self:
        """Check the options of ``spark.read`` and ``spark.readStream``.

        :raises InvalidInput: An option does not exist or has a wrong value.
        """
        found = cls._parse(options, _READ, "read")
        table = found.values.setdefault("table", DEFAULT_TABLE)
        if table not in TABLES:
            raise InvalidInput(
                f"no table {table!r:.80}{did_you_mean(table, TABLES)}; choose from:"
                f" {', '.join(TABLES)}"
            )
        if table != "jobs" and "job" not in found.values:
            raise InvalidInput(f'the table {table} needs a job: .option("job", "7") or "7,8"')
        return found

    @classmethod
    def write(cls, options: Mapping[str, str]) -> Self:
        """Check the options of ``df.write``.

        :raises InvalidInput: An option does not exist, is missing, or has a wrong value.
        """
        found = cls._parse(options, _WRITE, "write")
        if ("job" in found.values) == ("alias" in found.values):
            raise InvalidInput(
                'pass the job to write to: .option("job", "7"), or .option("alias", …)'
            )
        if "key" not in found.values:
            raise InvalidInput(
                'pass the column that identifies a row, by .option("key", …), so that no row is'
                " sent twice"
            )
        if "max_cost_cents" in found.values and "launch_key" not in found.values:
            raise InvalidInput("max_cost_cents needs launch_key, your name for the launch")
        return found

    @classmethod
    def _parse(
        cls, options: Mapping[str, str], kinds: Mapping[str, Callable[[str], Any]], action: str
    ) -> Self:
        kinds = {**kinds, **_CLIENT}
        known = {name.replace("_", ""): name for name in kinds}
        values: dict[str, Any] = {}
        for given, text in options.items():
            short = given.lower().replace("_", "").replace("-", "")
            name = known.get(short)
            if short in SECRETS or (short == "key" and name is None):
                raise ConfigError(
                    f"the API key must not be an option ({given}): {WHERE_KEYS_BELONG}"
                )
            if name is None:
                raise InvalidInput(
                    f"no option {given!r:.80} to {action}{did_you_mean(given, kinds)}; the options"
                    f" are: {', '.join(sorted(kinds))}"
                )
            try:
                values[name] = kinds[name](text)
            except InvalidInput:
                raise
            except (KeyError, ValueError):
                raise InvalidInput(
                    f"the option {name} must be {_EXPECTED[kinds[name]]}, not {text!r:.80}"
                ) from None
        settings = {name: values.pop(name) for name in _CLIENT if name in values}
        if "url" in settings:
            settings["base_url"] = settings.pop("url")
        return cls(values, settings, values.pop("key_file", None))

    def __getitem__(self, name: str) -> Any:
        return self.values.get(name)

    def client(self) -> Client:
        """Return a client, made with the key of this machine.

        :raises ConfigError: There is no key here, or a setting cannot be used.
        """
        from crowdflower.client import Client  # noqa: PLC0415 - made on workers only

        if self.key_file is None:
            try:
                return Client.from_env(**self.settings)
            except ConfigError as error:
                raise ConfigError(f"{error}. {WHERE_KEYS_BELONG}") from None
        try:
            key = mask_key(Path(self.key_file).read_text(encoding="utf-8").strip())
        except (OSError, ValueError) as error:
            problem = error.strerror if isinstance(error, OSError) else "it is not text"
            raise ConfigError(f"cannot read the key_file {self.key_file}: {problem}") from None
        return Client(key, **self.settings)
