"""What a role's policies allow, and which calls of AWS a function made: both by the template's names. Starts nothing.

Only what the templates use is evaluated: Allow statements, wildcards, and StringLike on `s3:prefix`. A statement of
another form raises, so that nothing passes unseen.
"""

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, cast
from urllib.parse import parse_qs, urlsplit

from .synthesised import Synthesised

S3_ACTIONS: Final = {"GET": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject", "HEAD": "GetObject"}


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """One call, as IAM sees it; `prefix` is of a listing in S3."""

    action: str
    resource: str
    prefix: str = ""


class Policies:
    """The statements of every role of a deployment."""

    def __init__(self, made: Synthesised) -> None:
        self._statements: dict[str, list[dict[str, Any]]] = {}
        for policy in made.resources("AWS::IAM::Policy").values():
            for role in policy["Roles"]:
                self._statements.setdefault(role["Ref"], []).extend(policy["PolicyDocument"]["Statement"])

    def role(self, part: str) -> str:
        """The only role whose logical id has `part` in it."""
        (found,) = [role for role in self._statements if part in role]
        return found

    def allow(self, role: str, call: Call) -> bool:
        """Whether a role may make a call."""
        return any(_covers(statement, call) for statement in self._statements[role])

    def actions(self, role: str) -> set[str]:
        """Every action that a role may do somewhere."""
        return {action for statement in self._statements[role] for action in listed(statement["Action"])}


def _covers(statement: Mapping[str, Any], call: Call) -> bool:
    unknown = set(statement) - {"Action", "Effect", "Resource", "Condition", "Sid"}
    if unknown or statement["Effect"] != "Allow":
        raise ValueError(f"This evaluator does not know {statement}.")
    return (
        any(fnmatchcase(call.action, action) for action in listed(statement["Action"]))
        and any(fnmatchcase(call.resource, text(resource)) for resource in listed(statement["Resource"]))
        and _conditions_hold(statement.get("Condition", {}), call)
    )


def _conditions_hold(conditions: Mapping[str, Any], call: Call) -> bool:
    if not conditions:
        return True
    if set(conditions) != {"StringLike"} or set(conditions["StringLike"]) != {"s3:prefix"}:
        raise ValueError(f"This evaluator does not know the conditions {conditions}.")
    return any(fnmatchcase(call.prefix, pattern) for pattern in listed(conditions["StringLike"]["s3:prefix"]))


def text(value: Any) -> str:
    """A value of a template as text: a reference is `<logical id>`, whatever its attribute."""
    if isinstance(value, str):
        return value
    ((function, said),) = cast("dict[str, Any]", value).items()
    if function == "Ref":
        return f"<{said}>"
    if function == "Fn::GetAtt":
        return f"<{said[0]}>"
    if function == "Fn::Join":
        return said[0].join(map(text, said[1]))
    raise ValueError(f"This evaluator does not know {value}.")


def listed(value: Any) -> list[Any]:
    """What a policy may give as one value or as a list."""
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def recorded(lines: str, names: Mapping[str, str]) -> Iterator[tuple[str, Call]]:
    """(function, call) of each request that moto recorded; a function's access key is its name.

    `names` are the template's names of what was made in moto: queues' names, buckets, topics' and secrets' ARNs.
    """
    for line in lines.splitlines():
        entry = json.loads(line)
        headers = {name.lower(): value for name, value in entry["headers"].items()}
        key, _, _, service, _ = headers["authorization"].partition("Credential=")[2].partition(",")[0].split("/")
        body = b64decode(entry["body"] or "").decode(errors="replace") if entry["body_encoded"] else entry["body"]
        yield key, READERS[service](entry, headers, body, names)


def _of_json(entry: Mapping[str, Any], headers: Mapping[str, str], body: str, names: Mapping[str, str]) -> Call:
    """SQS and Secrets Manager: the target is in a header."""
    del entry
    service, _, action = headers["x-amz-target"].partition(".")
    said = json.loads(body)
    about = said.get("QueueName") or said.get("QueueUrl", "").rpartition("/")[2] or said["SecretId"]
    prefix = {"AmazonSQS": "sqs"}.get(service, service)
    return Call(f"{prefix}:{action.removesuffix('Batch')}", names[about])


def _of_form(entry: Mapping[str, Any], headers: Mapping[str, str], body: str, names: Mapping[str, str]) -> Call:
    """SNS: the action is in the form."""
    del entry, headers
    form = parse_qs(body)
    return Call(f"sns:{form['Action'][0]}", names[form["TopicArn"][0]])


def _of_path(entry: Mapping[str, Any], headers: Mapping[str, str], body: str, names: Mapping[str, str]) -> Call:
    """S3: the action is the method, the resource the path."""
    del headers, body
    url = urlsplit(str(entry["url"]))
    query = parse_qs(url.query, keep_blank_values=True)
    bucket, _, key = url.path.lstrip("/").partition("/")
    if not key:
        return Call(
            "s3:ListBucketVersions" if "versions" in query else "s3:ListBucket", names[bucket], query["prefix"][0]
        )
    of_version = "Version" if "versionId" in query else ""
    return Call(f"s3:{S3_ACTIONS[entry['method']]}{of_version}", f"{names[bucket]}/{key}")


READERS: Final = {"sqs": _of_json, "secretsmanager": _of_json, "sns": _of_form, "s3": _of_path}
