"""The shape of a site's own table, for which the view and its triggers are made. Makes text; knows no SQL statement."""

from dataclasses import dataclass

from bandit_selector.store.site import Column


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class Shape:
    """What the view is made for.

    `schema` is quoted, `zone` the clock of the site's moments, `beside` whether its application runs.
    """

    schema: str
    columns: tuple[Column, ...]
    zone: str
    beside: bool
    sequence: str | None

    @property
    def id_type(self) -> str:
        """The site's own while its application reads it; else that of our event ids."""
        return self.column("id").type if self.beside else "bigint"

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def has_zone(self) -> bool:
        """Whether the site's moments carry a time zone."""
        return self.column("created_at").type == "timestamp with time zone"

    def site(self, name: str) -> str:
        return f"{self.schema}.{quoted(name)}"
