"""What both halves of feedback do when counts have moved: publish, and never let learning stop the counting."""

from bandit_selector.services.publish import publish
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Database
from bandit_selector.telemetry import Telemetry


def publish_posteriors(database: Database, settings: Settings, telemetry: Telemetry) -> None:
    """Publishes if it is due; a failure is logged and the last version stays in force."""
    try:
        version = database.run(lambda connection: publish(connection, settings))
    except Exception:  # the counts are committed; the next batch or minute publishes them
        telemetry.logger.exception("The posteriors could not be published; the last version stays in force")
    else:
        telemetry.count("PosteriorsPublished", version is not None)
