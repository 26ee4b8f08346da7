"""A deployment in AWS, as its operator reaches it: by its stacks' outputs and the shell's credentials."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.local.errors import LocalError

PATIENT = Config(read_timeout=910, retries={"total_max_attempts": 1})
"""A command may take fifteen minutes, and is never sent twice."""


class NotReached(LocalError):
    """AWS refused, or the deployment's function did; the message is its own."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """`outputs` of both stacks by name; `caller` is the ARN of who asks."""

    session: boto3.Session
    outputs: dict[str, str]
    caller: str

    @classmethod
    def find(cls, session: boto3.Session, stack: str) -> "Deployment":
        """The deployment of that name; raises NotReached."""
        try:
            caller = _client(session, "sts").get_caller_identity()["Arn"]
            cloud = _client(session, "cloudformation")
            outputs = {name: value for part in (stack, f"{stack}-data") for name, value in _outputs(cloud, part)}
        except (BotoCoreError, ClientError) as error:
            raise NotReached(f"The deployment {stack} cannot be found: {error}") from error
        return cls(session, outputs, caller)

    def client(self, service: str) -> Any:
        return _client(self.session, service)

    def operate(self, command: str, **options: object) -> dict[str, Any]:
        """The answer of the function `operate` to one command."""
        return self.invoke("OperateFunction", {"command": command, "caller": self.caller, **options})

    def invoke(self, output: str, event: dict[str, Any]) -> dict[str, Any]:
        """A function's answer to an event; `output` names the function. Raises NotReached with the function's error."""
        try:
            answer = self.client("lambda").invoke(FunctionName=self.outputs[output], Payload=json.dumps(event).encode())
        except (BotoCoreError, ClientError) as error:
            raise NotReached(f"The function {self.outputs[output]} could not be invoked: {error}") from error
        payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise NotReached(f"{payload.get('errorType')}: {payload.get('errorMessage')}")
        return payload

    def upload(self, file: Path, key: str) -> None:
        """Puts a file into the deployment's bucket."""
        self.client("s3").upload_file(str(file), self.outputs["ReportBucket"], key)


def _outputs(cloud: Any, stack: str) -> list[tuple[str, str]]:
    (found,) = cloud.describe_stacks(StackName=stack)["Stacks"]
    return [(output["OutputKey"], output["OutputValue"]) for output in found.get("Outputs", [])]


def _client(session: boto3.Session, service: str) -> Any:
    return cast("Any", session.client(service, config=PATIENT))  # pyright: ignore[reportCallIssue, reportArgumentType]
