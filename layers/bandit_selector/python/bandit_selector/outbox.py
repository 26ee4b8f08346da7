"""What functions with the database leave in the bucket for the courier, and it for them. Stores and sends nothing.

From their network S3 can be reached and SNS and SQS cannot; the courier reaches all three and has no database.
"""

from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

MAILS: Final = "mails/"
"""The folder of mails that wait. A mail that was sent is there no more."""
COUNTS: Final = "queue/counts.json"


class Letter(BaseModel):
    """A mail that waits."""

    model_config = ConfigDict(frozen=True)

    subject: str
    body: str


class Counts(BaseModel):
    """How many dead letters the queue held at a moment; None where SQS did not say."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    dead_letters: int | None


def posted(number: int, subject: str, body: str) -> dict[str, Any]:
    """A mail as S3's put_object takes it. Its number is its key: posted twice before it is sent, it is sent once."""
    return _json(f"{MAILS}{number}.json", Letter(subject=subject, body=body))


def noted(counts: Counts) -> dict[str, Any]:
    """The counts as S3's put_object takes them."""
    return _json(COUNTS, counts)


def _json(key: str, content: BaseModel) -> dict[str, Any]:
    return {"Key": key, "Body": content.model_dump_json().encode(), "ContentType": "application/json"}
