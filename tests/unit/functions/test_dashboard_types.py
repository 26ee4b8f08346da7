"""The dashboard's TypeScript declares the fields that the routes answer: same names, same types, null where null is."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from bandit_selector.answers.performance import Experiment
from bandit_selector.answers.reports import Reports
from bandit_selector.answers.shipping import TeamStats
from bandit_selector.answers.stats import Backlog
from bandit_selector.answers.timeline import Timeline
from bandit_selector.services.report import Report
from pydantic import BaseModel

from functions.monitor import page

SOURCE = Path(page.__file__).parent / "dashboard" / "src" / "answers.ts"
ANSWERS: tuple[type[BaseModel], ...] = (TeamStats, Experiment, Timeline, Report, Reports, Backlog)


@dataclass(frozen=True, slots=True)
class Shape:
    """A type: its kinds (`number`, `null`, `"literal"` …) and its parts, `*` for any key and `[]` for an element."""

    kinds: frozenset[str]
    parts: "dict[str, Shape]" = field(default_factory=dict[str, "Shape"])

    def __or__(self, other: "Shape") -> "Shape":
        return Shape(self.kinds | other.kinds, self.parts | other.parts)

    def paths(self, path: str = "") -> dict[str, frozenset[str]]:
        """{path: kinds}, of the type itself and of everything in it."""
        parts = [part.paths(f"{path}.{name}") for name, part in self.parts.items()]
        return {path: self.kinds} | {inner: kinds for part in parts for inner, kinds in part.items()}


def keyed(keys: Iterable[str], value: Shape) -> Shape:
    """An object whose keys are these literals, or any string."""
    return Shape(frozenset({"object"}), {"*" if key == "string" else key.strip('"'): value for key in keys})


class Declarations:
    """A parser of the few forms of TypeScript types that answers.ts uses."""

    def __init__(self, source: str, position: int = 0) -> None:
        self.source = source
        self.tokens: list[str] = re.findall(r'"[^"]*"|\w+|[^\s\w]', source[position:])[::-1]  # the next one is last

    def shape(self, name: str) -> Shape:
        declared = re.search(rf"export (?:interface|type) {name}\b(?: extends| =)?", self.source)
        assert declared, f"{SOURCE.name} declares no {name}"
        inner = Declarations(self.source, declared.end())
        return inner.union() | inner.union() if declared[0].endswith("extends") else inner.union()

    def union(self) -> Shape:
        shape = self.array()
        while self.tokens[-1] in {"|", "&"}:
            self.tokens.pop()
            shape |= self.array()
        return shape

    def array(self) -> Shape:
        shape = self.single()
        while self.tokens[-1] == "[":
            self.take("[", "]")
            shape = Shape(frozenset({"array"}), {"[]": shape})
        return shape

    def single(self) -> Shape:
        match self.tokens.pop():
            case "(":
                shape = self.union()
                self.take(")")
                return shape
            case "{":
                return self.members()
            case "Record":
                return self.record()
            case "number" | "string" | "boolean" | "null" as primitive:
                return Shape(frozenset({primitive}))
            case token if token.startswith('"'):
                return Shape(frozenset({token}))
            case name:
                return self.shape(name)

    def members(self) -> Shape:
        parts: dict[str, Shape] = {}
        while (name := self.tokens.pop()) != "}":
            if name != ";":
                self.take(":")
                parts[name] = self.union()
        return Shape(frozenset({"object"}), parts)

    def record(self) -> Shape:
        self.take("<")
        keys = self.union().kinds
        self.take(",")
        value = self.union()
        self.take(">")
        return keyed(keys, value)

    def take(self, *tokens: str) -> None:
        for token in tokens:
            assert self.tokens.pop() == token, f"{SOURCE.name} uses a form of type that this test cannot read"


def answered(schema: dict[str, Any], definitions: dict[str, Any]) -> Shape:
    """The shape that a JSON schema describes."""
    if "$ref" in schema:
        return answered(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return reduce(Shape.__or__, [answered(choice, definitions) for choice in schema["anyOf"]])
    if "enum" in schema:
        return Shape(frozenset(f'"{value}"' for value in schema["enum"]))
    if schema["type"] == "array":
        return Shape(frozenset({"array"}), {"[]": answered(schema["items"], definitions)})
    if "additionalProperties" in schema:
        keys = answered(schema.get("propertyNames", {"type": "string"}), definitions).kinds
        return keyed(keys, answered(schema["additionalProperties"], definitions))
    if schema["type"] == "object":
        parts = {name: answered(part, definitions) for name, part in schema["properties"].items()}
        return Shape(frozenset({"object"}), parts)
    return Shape(frozenset({schema["type"].replace("integer", "number")}))


def without_comments(source: str) -> str:
    return re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL)


def differences(source: str, answer: type[BaseModel]) -> set[str]:
    """The paths that TypeScript declares and the route does not answer, or not with these types."""
    schema = answer.model_json_schema(mode="serialization")
    python = answered(schema, schema.get("$defs", {})).paths()
    declared = Declarations(without_comments(source)).shape(answer.__name__).paths()
    return {path for path, kinds in declared.items() if python.get(path) != kinds}


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_dashboard_declares_what_the_routes_answer(answer: type[BaseModel]) -> None:
    assert differences(SOURCE.read_text(), answer) == set()


@pytest.mark.parametrize(
    ("answer", "here", "changed", "path"),
    [
        (TeamStats, "posterior_alpha: number | null", "posterior_alpha: number", ".detailed_stats.*.posterior_alpha"),
        (Experiment, "planned_users", "users_planned", ".sample_size.users_planned"),
        (Experiment, "percent_low", "low", ".metrics.ctr.lift.low"),
        (Timeline, "day: string", "date: string", ".lift.[].date"),
        (Report, "advice", "hint", ".alerts.[].hint"),
        (Backlog, "waiting: number | null", "waiting: string | null", ".waiting"),
    ],
)
def test_a_declaration_that_differs_is_named(answer: type[BaseModel], here: str, changed: str, path: str) -> None:
    assert path in differences(SOURCE.read_text().replace(here, changed), answer)
