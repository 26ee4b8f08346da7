"""The product's errors, as one tree. Knows no HTTP status. Every message is a sentence with the wrong value in it.

BanditSelectorError
├── InvalidSetting        a configured value cannot be used
├── InvalidMessage        a feedback message cannot be read; a retry does not help
├── MissingTable          the database has not been migrated
├── DatabaseUnavailable   the database cannot be reached now; a later retry may succeed
├── QueueUnavailable      the queue did not take a message; a later retry may succeed
├── UnknownUser           no such user
├── UnknownEvent          no such impression
├── NoReport              no report exists yet
├── DeliveryFailed        a report or a mail was not delivered; the next run retries
├── ArchiveFailed         a day was not archived, and nothing of it was dropped; the next run retries
└── ForeignUser           the caller may not act for this user
"""


class BanditSelectorError(Exception):
    """The base of every error that the product raises on purpose."""


class InvalidSetting(BanditSelectorError):
    """A configured value cannot be used."""


class InvalidMessage(BanditSelectorError):
    """A feedback message cannot be read; a retry does not help."""


class MissingTable(BanditSelectorError):
    """The database lacks one of the product's tables or columns."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"{detail.strip().capitalize()}. Run `./dev migrate` against this database, then try again.")


class DatabaseUnavailable(BanditSelectorError):
    """The database cannot be reached now."""


class QueueUnavailable(BanditSelectorError):
    """The queue did not take a message."""


class UnknownUser(BanditSelectorError):
    """The site has no such user."""

    def __init__(self, user_id: int) -> None:
        super().__init__(f"No user {user_id} exists in `users`; ask for an existing one.")


class UnknownEvent(BanditSelectorError):
    """No impression has this id."""

    def __init__(self, event_id: int) -> None:
        super().__init__(f"No event {event_id} is in `recommendation_events`; it may have been pruned.")


class ForeignUser(BanditSelectorError):
    """The caller's token is for another user."""

    def __init__(self, user_id: int, subject: str) -> None:
        super().__init__(f"The token is for user {subject!r} and cannot act for user_id {user_id}.")


class NoReport(BanditSelectorError):
    """No report exists yet."""

    def __init__(self) -> None:
        super().__init__(
            "No report exists yet; the monitor makes the first at 9 AM. To make it now, invoke the monitor function."
        )


class DeliveryFailed(BanditSelectorError):
    """A report or a mail was not delivered; the next run retries."""


class ArchiveFailed(BanditSelectorError):
    """A day was not archived, and nothing of it was dropped; the next run retries."""
