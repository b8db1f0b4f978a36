"""The rules cover what they name."""

from __future__ import annotations

import ast

from matsapply.rules.access import ANY_PERSON, EVERYONE, POLICY, Act
from matsapply.rules.stages import Role
from tests.architecture.sources import nodes


def test_the_policy_names_every_act():
    assert set(POLICY) == set(Act)


def test_nobody_but_people_with_a_role_does_what_needs_one():
    guarded = set(Act) - EVERYONE - ANY_PERSON
    assert all(POLICY[act] and Role.APPLICANT not in POLICY[act] for act in guarded)
    assert all(Role.SYSTEM not in POLICY[act] for act in guarded)


def test_the_auditor_changes_nothing():
    writing = ("_WRITE", "_ACT", "_DECIDE", "_SET", "_GRANT", "_CONFIGURE", "_CURATE", "_RELEASE")
    assert not [act for act in Act if act.name.endswith(writing) and Role.AUDITOR in POLICY[act]]


def test_every_act_is_asked_for_somewhere():
    asked = {
        node.attr
        for source, node in nodes(ast.Attribute)
        if isinstance(node.value, ast.Name) and node.value.id == "Act" and source.concept == "pages"
    }
    assert not [act.name for act in Act if act.name not in asked]


def test_rules_make_nothing_random_of_their_own():
    names = {"random", "secrets", "uuid", "time", "os", "socket", "subprocess", "logging", "threading"}
    found = [
        source.at(node)
        for source, node in nodes(ast.Import | ast.ImportFrom)
        if source.concept == "rules"
        and names & {(getattr(node, "module", None) or alias.name).split(".")[0] for alias in node.names}
    ]
    assert not found
