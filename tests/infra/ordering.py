"""Whether CloudFormation could make a template: its references, order and bounds. Must not know what a stack is for."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, cast

RESOURCES, BYTES, PARAMETERS, OUTPUTS = 500, 1_000_000, 200, 200
"""CloudFormation's own bounds of a template."""
NAMES: Final = {
    "FunctionName": 64,
    "RoleName": 64,
    "QueueName": 80,
    "TopicName": 256,
    "DBClusterIdentifier": 63,
    "AlarmName": 255,
    "LogGroupName": 512,
    "BucketName": 63,
    "UserPoolName": 128,
    "Domain": 63,
    "DashboardName": 255,
}
"""How long a name may be that a template gives."""


def unordered(stack: dict[str, Any]) -> str:
    """Why the stack cannot be made: a missing target, a circle, a name or number beyond its bound; empty if it can."""
    return next(_faults(stack), "")


def _faults(stack: dict[str, Any]) -> Iterator[str]:
    resources: dict[str, Any] = stack["Resources"]
    known = {*resources, *stack.get("Parameters", {})}
    waits = {name: {it for it in _named(body) if not it.startswith("AWS::")} for name, body in resources.items()}
    for name, named in waits.items():
        if named - known:
            yield f"{name} refers to {sorted(named - known)}, which do not exist"
        if len(name) > 255 or not name.isalnum():
            yield f"{name} is not a logical id"
    for name, named in ((name, _named(it)) for name, it in stack.get("Outputs", {}).items()):
        if {it for it in named if not it.startswith("AWS::")} - known:
            yield f"the output {name} refers to what does not exist"
    if left := _circle({name: named & set(resources) for name, named in waits.items()}):
        yield f"{sorted(left)} wait for each other"
    bounds = {"Resources": RESOURCES, "Parameters": PARAMETERS, "Outputs": OUTPUTS}
    yield from (f"too many {part}" for part, most in bounds.items() if len(stack.get(part, {})) > most)
    if len(json.dumps(stack)) > BYTES:
        yield "the template is too large"
    for name, body in resources.items():
        for key, value in body.get("Properties", {}).items():
            if key in NAMES and isinstance(value, str) and len(value) > NAMES[key]:
                yield f"{key} of {name} is longer than {NAMES[key]}"


def _named(value: Any) -> set[str]:
    """Every logical id that a part of a template refers to, and those it depends on."""
    if isinstance(value, list):
        return set[str]().union(*map(_named, cast("list[Any]", value)))
    if not isinstance(value, dict):
        return set()
    found = cast("dict[str, Any]", value)
    if set(found) == {"Ref"}:
        return {found["Ref"]}
    if set(found) == {"Fn::GetAtt"}:
        return {found["Fn::GetAtt"][0]}
    if set(found) == {"Fn::Sub"} and isinstance(found["Fn::Sub"], str):
        return {name.partition(".")[0] for name in re.findall(r"\$\{([A-Za-z0-9:.]+)\}", found["Fn::Sub"])}
    depends = found.get("DependsOn", [])
    waited = {depends} if isinstance(depends, str) else {it for it in depends if isinstance(it, str)}
    return waited.union(*map(_named, found.values()))


def _circle(waits: dict[str, set[str]]) -> set[str]:
    """What is left when everything is made that waits for nothing; empty if all can be made."""
    left = dict(waits)
    while free := [name for name, named in left.items() if not named & set(left)]:
        for name in free:
            del left[name]
    return set(left)
