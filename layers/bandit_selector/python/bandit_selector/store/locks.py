"""The advisory locks that the product takes, one number for each job. PostgreSQL shares the numbers with the site."""

from enum import IntEnum, unique


@unique
class Lock(IntEnum):
    """One job at a time for each; two jobs never share a number."""

    MIGRATE = 7_310_011
    SETTLE = 7_310_012
    PUBLISH = 7_310_013
    REPORT = 7_310_014
    CANDIDATES = 7_310_015
    PARTITIONS = 7_310_016
    SET_ASIDE = 7_310_017
    ARCHIVE = 7_310_018
    SHARE = 7_310_080
    VISITOR = 7_310_019  # with a user id: one for each visitor
    SITE_HISTORY = 7_310_030
    SHADOWS = 7_310_100
    LISTS = 7_310_113  # shared by writers of lists; migration 0113 takes it
