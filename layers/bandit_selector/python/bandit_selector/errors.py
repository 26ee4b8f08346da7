"""What can go wrong, as one tree; every message is a whole sentence that carries the wrong value.

BanditSelectorError
├── InvalidSetting        a configured value cannot be used
├── InvalidMessage        a feedback message cannot be read, and never will be
├── MissingTable          the database has not been migrated
├── DatabaseUnavailable   the database cannot be reached now; trying again later may help
├── QueueUnavailable      the queue did not take a message; trying again later may help
├── UnknownUser           no such user
├── UnknownEvent          no such impression
├── NoReport              no report was made yet
├── DeliveryFailed        a report or a mail did not go out, and will be tried again
└── ForeignUser           the caller may not act for this user
"""


class BanditSelectorError(Exception):
    """Base of every error the product raises on purpose."""


class InvalidSetting(BanditSelectorError):
    """A configured value cannot be used."""


class InvalidMessage(BanditSelectorError):
    """A feedback message cannot be read, and never will be."""


class MissingTable(BanditSelectorError):
    """The database lacks a table or column of ours."""

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
    """No report was made yet."""

    def __init__(self) -> None:
        super().__init__("There is no report yet; the first is made at 9 AM, or now by invoking the monitor function.")


class DeliveryFailed(BanditSelectorError):
    """A report or a mail did not go out, and will be tried again."""
