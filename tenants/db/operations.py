"""Migration operations for who may do what with a table. They change rights alone, never the models' state."""

from abc import ABC, abstractmethod
from typing import Any

from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tenants.db import roles


class Rights(Operation, ABC):
    """An operation that says in SQL what may be done with a table."""

    reduces_to_sql = True
    reversible = True
    elidable = False

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Rights are no part of the models."""

    def database_forwards(self, app_label: str, schema_editor: Any, *states: ProjectState) -> None:
        self._run(app_label, schema_editor, self.forwards(app_label, schema_editor))

    def database_backwards(self, app_label: str, schema_editor: Any, *states: ProjectState) -> None:
        self._run(app_label, schema_editor, self.backwards(app_label, schema_editor))

    def _run(self, app_label: str, schema_editor: Any, statements: list[str]) -> None:
        from django.db import router

        if router.allow_migrate(schema_editor.connection.alias, app_label):
            for statement in statements:
                schema_editor.execute(statement)

    @abstractmethod
    def forwards(self, app_label: str, schema_editor: Any) -> list[str]:
        """The statements, in order."""

    @abstractmethod
    def backwards(self, app_label: str, schema_editor: Any) -> list[str]:
        """What takes them back."""


class RestaurantsMay(Rights):
    """Let every restaurant's role do `rights` with the rows of a table in `public` for which `using` holds.

    `using` is SQL; `current_user` in it is the restaurant's schema. The platform's role keeps all rows.
    """

    def __init__(self, table: str, rights: str, *, using: str) -> None:
        self.table, self.rights, self.using = table, rights, using

    def forwards(self, app_label: str, schema_editor: Any) -> list[str]:
        return [
            f"ALTER TABLE {self.table} ENABLE ROW LEVEL SECURITY",
            f"CREATE POLICY platform ON {self.table} TO {roles.PLATFORM} USING (true) WITH CHECK (true)",
            f"CREATE POLICY restaurant ON {self.table} TO {roles.RESTAURANTS} USING ({self.using})",
            f"GRANT {self.rights} ON {self.table} TO {roles.RESTAURANTS}",
        ]

    def backwards(self, app_label: str, schema_editor: Any) -> list[str]:
        return [
            f"REVOKE ALL ON {self.table} FROM {roles.RESTAURANTS}",
            f"DROP POLICY restaurant ON {self.table}",
            f"DROP POLICY platform ON {self.table}",
            f"ALTER TABLE {self.table} DISABLE ROW LEVEL SECURITY",
        ]

    def describe(self) -> str:
        return f"Let each restaurant {self.rights} its own rows of {self.table}"


class AppendOnly(Rights):
    """Take from the restaurant's role the right to change or delete the rows of a model: it may only add and read.

    Old rows are pruned by the owner.
    """

    def __init__(self, model: str) -> None:
        self.model = model

    def _table(self, app_label: str, schema_editor: Any) -> str:
        from django.apps import apps

        return str(schema_editor.quote_name(apps.get_model(app_label, self.model)._meta.db_table))

    def forwards(self, app_label: str, schema_editor: Any) -> list[str]:
        role = schema_editor.quote_name(schema_editor.connection.schema_name)
        return [f"REVOKE UPDATE, DELETE ON {self._table(app_label, schema_editor)} FROM {role}"]

    def backwards(self, app_label: str, schema_editor: Any) -> list[str]:
        role = schema_editor.quote_name(schema_editor.connection.schema_name)
        return [f"GRANT UPDATE, DELETE ON {self._table(app_label, schema_editor)} TO {role}"]

    def describe(self) -> str:
        return f"Rows of {self.model} are added and read, never changed"


class OnlyChanging(AppendOnly):
    """As `AppendOnly`, but for the named columns: what came of a row is noted on it, what came in stays as it was.

    A column that is added later has to be named by another of these, or nobody may change it.
    """

    def __init__(self, model: str, *columns: str) -> None:
        super().__init__(model)
        self.columns = columns

    def forwards(self, app_label: str, schema_editor: Any) -> list[str]:
        return [*super().forwards(app_label, schema_editor), self._for_columns("GRANT", "TO", app_label, schema_editor)]

    def backwards(self, app_label: str, schema_editor: Any) -> list[str]:
        granted = self._for_columns("REVOKE", "FROM", app_label, schema_editor)
        return [granted, *super().backwards(app_label, schema_editor)]

    def _for_columns(self, verb: str, preposition: str, app_label: str, schema_editor: Any) -> str:
        role = schema_editor.quote_name(schema_editor.connection.schema_name)
        columns = ", ".join(map(schema_editor.quote_name, self.columns))
        return f"{verb} UPDATE ({columns}) ON {self._table(app_label, schema_editor)} {preposition} {role}"

    def describe(self) -> str:
        return f"Of a row of {self.model} only {', '.join(self.columns)} may change"
