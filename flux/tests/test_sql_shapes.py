"""How SQL may be written: without what the server's own binding of parameters refuses, or opens doors between schemas.

With `server_side_binding` the text of a statement and its parameters reach the server apart. That is what keeps a
parameter from becoming SQL, and it refuses a few shapes that work as long as the driver pastes the values in. They fail
only where they run, so they are looked for in the source of every module.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
APPS = ("flux", "procurement", "forecasting", "pos", "menu", "tenants")
EXECUTES = {"execute", "executemany", "raw", "extra", "RawSQL", "copy", "stream"}
OTHER_CONTEXTS = {"schema_context", "tenant_context"}
CHOOSES = {"set_tenant", "set_schema", "set_schema_to_public"}

# Modules that work on files and histories, where a list may be as long as its source. Each parameter is counted, and a
# statement takes at most 65,535 of them: an array (`= ANY(%s)`), a join or a range does the same with one or two.
LONG_LISTS = (
    "pos/history.py", "pos/importing.py", "pos/loading.py", "pos/rollup.py", "pos/sources.py", "pos/business_days.py",
    "forecasting/history.py", "menu/recipe_file.py", "procurement/order_guide.py", "procurement/order_guide_file.py",
    "tenants/archives.py", "tenants/restoring.py", "tenants/migrator/standing.py", "tenants/migrator/comparing.py",
)  # fmt: skip
SHORT_ENOUGH = {
    "forecasting/history.py: business_date__in": "days that have changed, of the 800 that the engine looks back",
    "menu/recipe_file.py: menu_item__in": "the dishes of one file of recipes, of which each has a line of its own",
    "menu/recipe_file.py: pk__in": "the lines of those dishes that the file does not name any more",
    "pos/importing.py: business_date__in": "days: a century has 36,525",
    "pos/sources.py: business_date__in": "days",
}

GROUPS_END = "HAVING|ORDER|LIMIT|WINDOW|UNION|ON CONFLICT"
Finding = tuple[int, str]


def find_shapes(tree: ast.AST) -> Iterator[Finding]:
    """Parameters where the server takes none, or cannot tell what they are."""
    shapes = {
        r"\bINTERVAL\s+%": "interval %s: write make_interval(days => %s), or %s * interval '1 day'",
        r"(?:\A|;)\s*SET\s+(?:LOCAL\s+|SESSION\s+)?[\w.]+\s*(?:=|\bTO\b)\s*%": "SET x = %s: SET takes no parameters",
        r"\bIN\s+%": "IN %s: write = ANY(%s), with a list",
        rf"\bGROUP\s+BY\b(?:(?!\b(?:{GROUPS_END})\b)[^;)])*%[s(]": "GROUP BY %s: name the column, or its number",
    }  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for shape, told in shapes.items():
                if re.search(shape, node.value, re.I):
                    yield node.lineno, told


def find_formatted(tree: ast.AST) -> Iterator[Finding]:
    """Statements that are pasted together: a name in them may be somebody's text."""
    for scope in ast.walk(tree):
        if not isinstance(scope, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        pasted = {
            target.id
            for node in ast.walk(scope)
            if isinstance(node, ast.Assign) and is_pasted(node.value, set())
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(scope):
            is_call = isinstance(node, ast.Call) and name_of(node.func) in EXECUTES and node.args
            if is_call and is_pasted(node.args[0], set() if isinstance(scope, ast.Module) else pasted):
                yield node.lineno, "SQL made by formatting: give values as parameters"


def is_pasted(node: ast.expr, pasted: set[str]) -> bool:
    """Whether this is text with something put into it, or a name that stands for such."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) and not is_constant(part.value) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod | ast.Add):
        sides = (node.left, node.right)
        return any(is_text(side) for side in sides) and not all(is_text(side) for side in sides)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        return is_text(node.func.value)
    return isinstance(node, ast.Name) and node.id in pasted


def is_constant(node: ast.expr) -> bool:
    """Whether the name says so: TABLE, or loading.TABLE."""
    return name_of(node).isupper()


def is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return is_text(node.left) or is_text(node.right)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def find_contexts(tree: ast.AST) -> Iterator[Finding]:
    """Ways of django-tenants to choose a restaurant, which two threads share."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and OTHER_CONTEXTS & {alias.name for alias in node.names}:
            yield node.lineno, "use restaurant_context() or public_context()"
        if isinstance(node, ast.Attribute) and node.attr in OTHER_CONTEXTS | CHOOSES:
            yield node.lineno, f"{node.attr}: use restaurant_context() or public_context()"
        if isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                if name_of(item.context_expr).rpartition("_")[2] in {"restaurant", "tenant"}:
                    yield node.lineno, "with restaurant: use restaurant_context(restaurant)"


def find_long_lists(tree: ast.AST, place: str) -> Iterator[Finding]:
    """`__in` where the list may be longer than a statement has parameters."""
    for node in ast.walk(tree):
        for keyword in node.keywords if isinstance(node, ast.Call) else ():
            if not (keyword.arg and keyword.arg.endswith("__in")) or f"{place}: {keyword.arg}" in SHORT_ENOUGH:
                continue
            if not isinstance(keyword.value, ast.List | ast.Tuple | ast.Set):
                yield node.lineno, f"{keyword.arg}: how long may it be? An array or a join, or say so in SHORT_ENOUGH"


def name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def findings(source: str, place: str) -> list[Finding]:
    """What is wrong with the module at `place`."""
    tree = ast.parse(source)
    found = [*find_shapes(tree)]
    if not place.startswith(("tenants/", "flux/bench/")):
        found += find_formatted(tree)
    if not place.startswith(("tenants/db/", "tenants/context.py")):
        found += find_contexts(tree)
    if place in LONG_LISTS:
        found += find_long_lists(tree, place)
    return sorted(found)


def modules() -> dict[str, str]:
    """The source of every module of the product, by its path."""
    paths = (path for app in APPS for path in (ROOT / app).rglob("*.py"))
    ours = (path for path in paths if not {"tests", "migrations"} & set(path.parts))
    return {str(path.relative_to(ROOT)): path.read_text() for path in ours}


def test_no_module_writes_sql_that_the_server_would_refuse_or_obey_too_well() -> None:
    found = {place: findings(source, place) for place, source in modules().items()}
    assert {place: lines for place, lines in found.items() if lines} == {}


def test_what_is_said_to_be_short_or_long_is_there() -> None:
    there = modules()
    assert [place for place in LONG_LISTS if place not in there] == []
    used = {
        f"{place}: {keyword.arg}"
        for place in LONG_LISTS
        for node in ast.walk(ast.parse(there[place]))
        for keyword in (node.keywords if isinstance(node, ast.Call) else ())
    }
    assert [said for said in SHORT_ENOUGH if said not in used] == []


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ('cursor.execute("SELECT now() - interval %s", [days])', "interval %s"),
        ('cursor.execute("SET LOCAL statement_timeout = %s", [5])', "SET x = %s"),
        ('cursor.execute("BEGIN; SET search_path TO %s", [name])', "SET x = %s"),
        ('cursor.execute("SELECT 1 FROM t WHERE a IN %s", [(1, 2)])', "IN %s"),
        ('cursor.execute("SELECT trunc(%s, a) FROM t GROUP BY trunc(%s, a) ORDER BY 1", [b, b])', "GROUP BY %s"),
        ('cursor.execute(f"SELECT {column} FROM t")', "SQL made by formatting"),
        ('cursor.execute("SELECT %s FROM t" % column)', "SQL made by formatting"),
        ('cursor.execute("SELECT " + column)', "SQL made by formatting"),
        ('cursor.execute("SELECT {} FROM t".format(column))', "SQL made by formatting"),
        ('def f():\n    query = f"SELECT {column}"\n    Item.objects.raw(query)', "SQL made by formatting"),
        ('RawSQL(f"lower({column})", [])', "SQL made by formatting"),
        ('cursor.copy(f"COPY {table} FROM STDIN")', "SQL made by formatting"),
        ("from django_tenants.utils import schema_context", "use restaurant_context"),
        ("utils.tenant_context(restaurant)", "tenant_context: use"),
        ("connection.set_schema(name)", "set_schema: use"),
        ("with restaurant:\n    pass", "with restaurant"),
        ("with self.other_tenant:\n    pass", "with restaurant"),
        ("Order.objects.filter(pk__in=keys)", "pk__in: how long"),
    ],
)  # fmt: skip
def test_each_shape_is_seen(source: str, told: str) -> None:
    ((_, message),) = set(findings(source, "pos/loading.py"))
    assert message.startswith(told)


@pytest.mark.parametrize(
    "source",
    [
        'cursor.execute("UPDATE t SET a = %s WHERE b = ANY(%s)", [1, [2]])',
        'cursor.execute("SELECT make_interval(days => %s)", [days])',
        'cursor.execute("SELECT a, count(*) FROM t WHERE b = %s GROUP BY a ORDER BY a LIMIT %s", [1, 2])',
        'cursor.execute("SELECT 1 "\n"FROM t")',
        'cursor.execute(f"COPY {TABLE} FROM STDIN")',
        "cursor.execute(STATEMENT)",
        "Order.objects.filter(status__in=[OPEN, SENT])",
        "with restaurant_context(restaurant):\n    pass",
        "with open_restaurant():\n    pass",
        'say(f"{count} rows")',
    ],
)
def test_what_is_well_is_left_alone(source: str) -> None:
    assert findings(source, "pos/loading.py") == []
