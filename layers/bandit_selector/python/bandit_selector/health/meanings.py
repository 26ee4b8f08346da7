"""What each alert means for whoever reads it, and where its limit is set. Judges nothing."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Meaning:
    """`words`: what it means for visitors or the test. `setting`: the variable with the limit; empty: it is fixed."""

    words: str
    setting: str = ""


MEANINGS: Final = {
    "long_tail_rate": Meaning(
        "Visitors see mostly the best-known movies, and the rest of the catalogue is seldom found.",
        "MIN_LONG_TAIL_SHARE",
    ),
    "genre_diversity": Meaning(
        "Lists are made of few genres, so many visitors see more of the same.", "MIN_GENRE_DIVERSITY"
    ),
    "avg_rating": Meaning("Visitors rate what they are recommended lower than they should.", "MIN_AVG_RATING"),
    "algorithm_dominance": Meaning(
        "One algorithm fills most places, so little is learned of the others.", "MAX_ALGORITHM_DOMINANCE"
    ),
    "ctr": Meaning("Visitors click on fewer of the movies shown, or some clicks do not arrive.", "MIN_CTR"),
    "sample_ratio": Meaning(
        "The groups differ in more than their lists, so no comparison of them can be trusted.", "TREATMENT_SHARE"
    ),
    "tracking": Meaning("The clicks of one group do not arrive, so the groups cannot be compared."),
    "lift": Meaning(
        "Visitors of the bandit click less than those of the control list: it costs clicks every day.",
        "TREATMENT_SHARE",
    ),
    "join_rate": Meaning(
        "Reactions arrive for movies that nobody is known to have been shown; they teach nothing.", "MIN_JOIN_RATE"
    ),
    "feedback_silence": Meaning(
        "Visitors see lists, and what they do with them does not arrive: nothing is learned.", "MAX_FEEDBACK_SILENCE"
    ),
    "site_set_aside": Meaning("Some reactions that the site's own application recorded are not counted."),
    "dead_letters": Meaning("Some reactions of visitors could not be counted; they are kept for two weeks."),
    "invariant": Meaning("What the bandit learned is not what its visitors did, so its choices may be wrong."),
    "arm_without_data": Meaning("The bandit draws this algorithm, and others fill its places.", "ARMS"),
    "candidate_age": Meaning("Visitors get old lists: new movies and new tastes are missing.", "MAX_CANDIDATE_AGE"),
    "partitions_ahead": Meaning("The database is soon not prepared for new events."),
    "unarchived": Meaning("Old events stay in the database, which grows and gets slower."),
    "visitors_influence": Meaning(
        "A few visitors, perhaps scripts, would decide the test if all they did counted.", "MAX_PLACES_PER_VISITOR"
    ),
    "visitors_over": Meaning("Part of what many visitors did does not count.", "MAX_PLACES_PER_VISITOR"),
}


FIGURES: Final = {
    "age_hours": "age in hours",
    "arms_without_outcome": "algorithms never shown",
    "avg_rating": "average rating",
    "ctr": "click-through rate",
    "days_ahead": "days that tables last",
    "drop_outs": "places of algorithms without lists",
    "forgettings": "algorithms forgotten",
    "invariant": "counts agree with events",
    "join_rate": "feedback that matches a movie shown",
    "largest_without_drop_outs": "largest without those",
    "lift_moved": "lift moved by visitors over the bound",
    "long_tail_percentage": "long-tail movies",
    "over": "visitors over the bound",
    "p": "p of the lift",
    "places_beyond": "places beyond the bound",
    "sample_ratio_p": "p of the split",
    "site_set_aside": "site's reactions set aside",
    "unattributed": "feedback without a movie shown",
}
"""What a check's figure is called on a page, where its own name does not say it."""


def readable(name: str) -> str:
    """The name of a figure, or of an algorithm, in words: `long_tail` → `long tail`."""
    return FIGURES.get(name, name.replace("_", " "))


def counted(number: int, one: str) -> str:
    """`1 hour`, `1,200 hours`."""
    return f"{number:,} {one}{'' if number == 1 else 's'}"


def meaning_of(metric: str) -> Meaning:
    """The meaning of an alert's metric, which may name its algorithm after a colon."""
    return MEANINGS.get(metric.partition(":")[0], Meaning(""))
