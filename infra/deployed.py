"""A deployment in AWS, as its operator reaches it: by its stacks' outputs and the shell's credentials."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import boto3
from botocore.config import Config

from infra.credentials import refusals
from infra.local.errors import LocalError

PATIENT = Config(read_timeout=910, retries={"total_max_attempts": 1})
"""A command may take fifteen minutes, and is never sent twice."""


class NotReached(LocalError):
    """The deployment has no such part, or its function refused; the message is its own."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """`outputs` of both stacks by name; `caller` is the ARN of who asks."""

    session: boto3.Session
    outputs: dict[str, str]
    caller: str

    @classmethod
    def find(cls, session: boto3.Session, stack: str) -> "Deployment":
        """The deployment of that name; raises Refused."""
        with refusals(f"The deployment {stack} cannot be found"):
            caller = _client(session, "sts").get_caller_identity()["Arn"]
            cloud = _client(session, "cloudformation")
            outputs = {name: value for part in (stack, f"{stack}-data") for name, value in _outputs(cloud, part)}
        return cls(session, outputs, caller)

    def output(self, name: str) -> str:
        """One of the stacks' outputs; raises NotReached if they have none of that name."""
        if name not in self.outputs:
            raise NotReached(f"The stack has no output {name}: name the stack of the functions, and deploy it again.")
        return self.outputs[name]

    def client(self, service: str) -> Any:
        return _client(self.session, service)

    def operate(self, command: str, **options: object) -> dict[str, Any]:
        """The answer of the function `operate` to one command."""
        return self.invoke("OperateFunction", {"command": command, "caller": self.caller, **options})

    def invoke(self, output: str, event: dict[str, Any]) -> dict[str, Any]:
        """A function's answer to an event; `output` names the function. Raises NotReached with the function's error."""
        name = self.output(output)
        with refusals(f"The function {name} could not be invoked"):
            answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
        payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise NotReached(f"{payload.get('errorType')}: {payload.get('errorMessage')}")
        return payload

    def upload(self, file: Path, key: str) -> None:
        """Puts a file into the deployment's bucket."""
        bucket = self.output("ReportBucket")
        with refusals(f"{file} could not be put into the bucket {bucket}"):
            self.client("s3").upload_file(str(file), bucket, key)


def _outputs(cloud: Any, stack: str) -> list[tuple[str, str]]:
    (found,) = cloud.describe_stacks(StackName=stack)["Stacks"]
    return [(output["OutputKey"], output["OutputValue"]) for output in found.get("Outputs", [])]


def _client(session: boto3.Session, service: str) -> Any:
    return cast("Any", session.client(service, config=PATIENT))  # pyright: ignore[reportCallIssue, reportArgumentType]
