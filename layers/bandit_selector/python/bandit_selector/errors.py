"""The product's errors, as one tree. Knows no HTTP status. Every message is a sentence with the wrong value in it.

BanditSelectorError
├── InvalidSetting        a configured value cannot be used
├── InvalidMessage        a feedback message cannot be read; a retry does not help
├── InvalidRequest        what the caller sent cannot be understood; each wrong field is named
├── BodyTooLarge          the caller's body is longer than the route takes
├── MissingTable          the database has not been migrated
├── TableDropped          a table of the product was dropped by hand
├── SiteRefused           a site's database has something that cannot be adopted
├── DatabaseUnavailable   the database cannot be reached now; a later retry may succeed
│   └── DatabaseWaking    it has paused and is resuming
├── QueueUnavailable      the queue did not take a message; a later retry may succeed
├── RatingsNotReadable    the site's `ratings` do not say whose they are or when they were given
├── UnknownUser           no such user
├── UnknownEvent          no such impression
├── ArmUnknown            nothing is known of an arm that is to be renamed
├── ArmKnown              the name that an arm is to get has a past of its own
├── NoReport              no report exists yet
├── OutdatedReport        the newest report was made by another version
├── DeliveryFailed        a report or a mail was not delivered; the next run retries
├── ArchiveFailed         a day was not archived, and nothing of it was dropped; the next run retries
├── TooManyRequests       a token has asked for far more in a day than a visitor can look at
├── MissingScope          the caller's token lacks a scope
├── RefusedToken          the site's own token is not good, or not any more
└── ForeignUser           the caller may not act for this user
"""

from collections.abc import Mapping, Sequence


class BanditSelectorError(Exception):
    """The base of every error that the product raises on purpose."""

    @property
    def in_log(self) -> str:
        """The sentence for the log, which names no user."""
        return str(self)


class InvalidSetting(BanditSelectorError):
    """A configured value cannot be used."""


class InvalidMessage(BanditSelectorError):
    """A feedback message cannot be read; a retry does not help."""


class InvalidRequest(BanditSelectorError):
    """What the caller sent cannot be understood; `faults` has each wrong field, what it should be, and its value."""

    def __init__(self, faults: Sequence[Mapping[str, object]]) -> None:
        super().__init__("; ".join(f"{fault['field']}: {fault['message']}" for fault in faults))
        self.faults = faults


class BodyTooLarge(BanditSelectorError):
    """The caller's body is longer than the route takes."""

    def __init__(self, size: int, most: int) -> None:
        super().__init__(f"The body has {size:,} bytes; this route takes at most {most:,}.")


class MissingTable(BanditSelectorError):
    """The database lacks one of the product's tables or columns."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"{detail.strip().capitalize()}. Run `./dev migrate` against this database, then try again.")


class TableDropped(BanditSelectorError):
    """A table of the product was dropped by hand."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"Missing: {', '.join(names)}. A migration has made it, and it was dropped since. Restore it from a backup;"
            " or remove everything with `./dev uninstall` and begin again with `./dev migrate`: the site's own tables"
            " stay."
        )


class SiteRefused(BanditSelectorError):
    """A site's database has something that cannot be adopted; each reason names the object and the remedy."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("\n".join(["Nothing was changed:", *(f"- {reason}" for reason in reasons)]))
        self.reasons = reasons


class DatabaseUnavailable(BanditSelectorError):
    """The database cannot be reached now."""


class DatabaseWaking(DatabaseUnavailable):
    """The database has paused and is resuming, which takes about 15 seconds."""


class QueueUnavailable(BanditSelectorError):
    """The queue did not take a message."""


class RatingsNotReadable(BanditSelectorError):
    """The site's `ratings` do not say whose they are or when they were given."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"Ratings of the site's own backend do not count: {reason}. SITE_RATINGS=off ends this warning."
        )


class UnknownUser(BanditSelectorError):
    """The site has no such user."""

    def __init__(self, user_id: int) -> None:
        super().__init__(f"No user {user_id} exists in `users`; ask for an existing one.")

    @property
    def in_log(self) -> str:
        return "The user asked for does not exist in `users`."


class UnknownEvent(BanditSelectorError):
    """No impression has this id."""

    def __init__(self, event_id: int) -> None:
        super().__init__(f"No event {event_id} is in `recommendation_events`; it may have been pruned.")


class ForeignUser(BanditSelectorError):
    """The caller's token is for another user."""

    def __init__(self, user_id: int, subject: str) -> None:
        super().__init__(f"The token is for user {subject!r} and cannot act for user_id {user_id}.")

    @property
    def in_log(self) -> str:
        return "A token was used for another user than its own."


class TooManyRequests(BanditSelectorError):
    """A token has asked for far more in a day than a visitor can look at; `seconds` is when it may ask again."""

    def __init__(self, most: int, seconds: int) -> None:
        super().__init__(
            f"This token has used more than {most:,} places or reactions today (UTC); ask again in {seconds:,} seconds."
        )
        self.seconds = seconds


class MissingScope(BanditSelectorError):
    """The caller's token lacks a scope."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"The token lacks the scope {scope!r}; ask your team for a token with it.")


class RefusedToken(BanditSelectorError):
    """The site's own token is not good, or not any more."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The token was refused: {reason.rstrip('.')}. Sign in again.")


class NoReport(BanditSelectorError):
    """No report exists yet."""

    def __init__(self) -> None:
        super().__init__(
            "No report exists yet; the monitor makes the first at 9 AM. To make it now, invoke the monitor function."
        )


class OutdatedReport(BanditSelectorError):
    """The newest report was made by another version."""

    def __init__(self) -> None:
        super().__init__("The newest report was made by another version and cannot be shown; the next is made at 9 AM.")


class DeliveryFailed(BanditSelectorError):
    """A report or a mail was not delivered; the next run retries."""


class ArchiveFailed(BanditSelectorError):
    """A day was not archived, and nothing of it was dropped; the next run retries."""


class ArmUnknown(BanditSelectorError):
    """Nothing is known of an arm."""

    def __init__(self, arm: str) -> None:
        super().__init__(f"Nothing is known of an arm {arm!r}; `./dev stats` lists those that have learned something.")


class ArmKnown(BanditSelectorError):
    """An arm has a past of its own, and cannot take over another's name."""

    def __init__(self, arm: str) -> None:
        super().__init__(
            f"The arm {arm!r} has been drawn already, and two arms are not made one. Rename an arm before ARMS has the"
            " new name."
        )
