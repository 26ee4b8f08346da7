"""Two alerts as a report has them, for the pictures of a service in trouble."""

from typing import Final

SILENT: Final = {
    "severity": "critical",
    "metric": "feedback_silence",
    "value": 9.0,
    "threshold": 6.0,
    "message": "No feedback for 9 hours (threshold: 6)",
    "headline": "no feedback for 9 hours",
    "detail": "4,200 movies were shown since the newest feedback; about 500 reactions were expected.",
    "advice": "Send one click by hand and follow it: the answer, the queue, the consumer.",
    "check": "feedback",
    "meaning": "Visitors see lists, and what they do with them does not arrive: nothing is learned.",
    "setting": "MAX_FEEDBACK_SILENCE",
}
ABSENT: Final = {
    "severity": "warning",
    "metric": "arm_without_data:graph",
    "value": 0,
    "threshold": 1,
    "message": "Algorithm 'graph' had no outcome in this window",
    "headline": "graph is never shown",
    "detail": "It is published, and no list showed it: it probably has no candidates.",
    "advice": "Build its candidate lists again, or take it out of the configured algorithms.",
    "check": "learning",
    "meaning": "The bandit draws this algorithm, and another one fills its place.",
    "setting": "ARMS",
}
