"""What may be done in one place only."""

from __future__ import annotations

import ast
from typing import Any

import sqlalchemy as sa

from matsapply.tables import CONCEPTS, metadata
from tests.architecture.sources import nodes, sources

# The process boundaries: where a piece of work ends and is committed. A request's is flask_db; a job and a command
# commit for each item they finish; migrations commit their lock.
COMMITS = {"platform/flask_db.py", "platform/migrate.py"}
COMMITTING_CONCEPTS = {"jobs", "commands", "cli.py"}
READS_THE_CLOCK = {"platform/clock.py", "commands/doctor.py"}  # the doctor looks whether the machine's is right
READS_THE_ENVIRONMENT = {"platform/settings.py", "commands/running.py"}
# Who may set a ``state`` on a row that has one. Everything that moves does so through tracking; the outbox and the
# imports have states of their own that are no part of the process.
WRITES_STATES = {"tracking": "the choke point", "mail": "the outbox's own state", "showcase": "an import's own state"}


def attribute_call(node: ast.AST, *names: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names


def dotted(node: ast.AST) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    return ".".join([node.id, *parts]) if isinstance(node, ast.Name) else ""


def test_the_sources_are_found():
    assert {"platform/db.py", "tracking/actions.py", "rules/access.py"} <= {source.name for source in sources()}


def test_only_process_boundaries_commit():
    found = [
        source.at(node)
        for source, node in nodes(ast.Call)
        if attribute_call(node, "commit") and source.name not in COMMITS and source.concept not in COMMITTING_CONCEPTS
    ]
    assert not found, f"a unit of work is committed by the request, job or command around it, not here: {found}"


def test_only_tracking_moves_a_state():
    found = []
    for source, node in nodes(ast.AST):
        if source.concept in WRITES_STATES:
            continue
        targets: list[Any] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        if any(isinstance(target, ast.Attribute) and target.attr == "state" for target in targets):
            found.append(source.at(node))
        if attribute_call(node, "values") and any(keyword.arg == "state" for keyword in node.keywords):
            found.append(source.at(node))
        if isinstance(node, ast.Call) and dotted(node.func) == "setattr" and _names_state(node.args[1:2]):
            found.append(source.at(node))
    assert not found, f"a state moves through tracking, which writes its history: {found}"


def _names_state(arguments: list[ast.expr]) -> bool:
    return any(isinstance(argument, ast.Constant) and argument.value == "state" for argument in arguments)


def test_only_the_clock_reads_the_time():
    ways = {
        "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "datetime.datetime.now", "time.time",
        "datetime.date.today", "time.time_ns",
    }  # fmt: skip
    found = [
        source.at(node)
        for source, node in nodes(ast.Call)
        if dotted(node.func) in ways and source.name not in READS_THE_CLOCK
    ]
    in_sql = [
        source.at(node)
        for source, node in nodes(ast.Attribute)
        if dotted(node) in {"sa.func.now", "func.now", "sa.func.current_timestamp"}
    ]
    assert not found + in_sql, f"the time comes from matsapply.platform.clock, as an argument: {found + in_sql}"


def test_only_settings_read_the_environment():
    found = [
        source.at(node)
        for source, node in nodes(ast.Attribute)
        if dotted(node) in {"os.environ", "os.getenv"} and source.name not in READS_THE_ENVIRONMENT
    ]
    assert not found, f"settings come from matsapply.platform.settings: {found}"


def test_nothing_is_swallowed_silently():
    found = [
        source.at(node)
        for source, node in nodes(ast.ExceptHandler)
        if node.type is None or (dotted(node.type) in {"Exception", "BaseException"} and _does_nothing(node.body))
    ]
    assert not found, f"an error that is caught is handled or told: {found}"


def _does_nothing(body: list[ast.stmt]) -> bool:
    return all(isinstance(statement, ast.Pass | ast.Continue) for statement in body)


# --- tables -------------------------------------------------------------------------------------------------------


def layer_of(module: str) -> int:
    names = [concept.__name__ for concept in CONCEPTS]
    return names.index(module)


def test_the_index_of_tables_names_every_models_module():
    listed = {concept.__name__ for concept in CONCEPTS}
    there = {f"matsapply.{source.concept}.models" for source in sources() if source.name.endswith("/models.py")}
    assert listed == there


def test_keys_and_relationships_point_down():
    """A row may name rows of its own concept and of those below; nobody above is known to it."""
    registry = next(iter(CONCEPTS)).Person.registry
    owner = {mapper.local_table: mapper.class_.__module__ for mapper in registry.mappers}
    up = []
    for mapper in registry.mappers:
        mine = layer_of(mapper.class_.__module__)
        for relation in mapper.relationships:
            if layer_of(relation.mapper.class_.__module__) > mine:
                up.append(str(relation))
    for table in metadata.tables.values():
        for key in table.foreign_keys:
            if layer_of(owner[key.column.table]) > layer_of(owner[table]):
                up.append(f"{key.parent} -> {key.column}")
    assert not up, f"these point at a concept above their own: {up}"


def test_every_foreign_key_and_constraint_has_a_name():
    unnamed = [
        f"{table.name}: {constraint}"
        for table in metadata.tables.values()
        for constraint in table.constraints
        if constraint.name is None
    ]
    assert not unnamed


# Nobody asks for the rows behind these: the row is at hand when its key is read, and what it names is never deleted.
ONE_WAY = {
    "application.form_version_id", "snapshot.form_version_id", "deferral.to_cohort_id", "extension.cohort_id",
    "message.author_id", "release_batch.corrects_id", "review.round_id", "review.rubric_id", "review_round.rubric_id",
}  # fmt: skip


def test_every_foreign_key_is_indexed():
    """Joining or deleting over a key without an index reads the whole table. Who did something is exempt too."""
    bare = set()
    for table in metadata.tables.values():
        leading = {next(iter(index.columns.keys())) for index in table.indexes}
        leading |= {
            next(iter(constraint.columns.keys()))
            for constraint in table.constraints
            if isinstance(constraint, sa.UniqueConstraint | sa.PrimaryKeyConstraint)
        }
        keys = {key.parent.name for key in table.foreign_keys} - leading
        bare |= {f"{table.name}.{key}" for key in keys if not key.endswith(("_by_id", "actor_id", "approver_id"))}
    assert bare == ONE_WAY, "give these an index, or strike them from the list"
