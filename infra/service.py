"""The service as data: its functions, routes, queue and schedules. Both deployments are built from this module."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from bandit_selector.settings import QUEUE_RETENTION

Access = Literal["open", "visitor", "analytics", "service"]
"""Who may call a route: everyone; holders of a valid token; holders of a token with the scope of this name."""

Resource = Literal[
    "database", "send_feedback", "feedback_queue", "reports", "archive", "imports", "mails", "counts", "alerts",
    "site_tokens",
]  # fmt: skip
"""What a function may use: the database, sending to the queue, looking at both queues, the bucket's reports, its
archived events, the operator's files, its folder of mails, its counts of dead letters, the topic with what waits in the
bucket for it, the key of the site's own tokens."""

LAMBDA_PYTHON: Final = "3.13"

EVERYWHERE: Final = {"OPENBLAS_NUM_THREADS": "1"}
"""In every function's environment: one BLAS thread, as below 1,769 MB a function has less than one processor."""


@dataclass(frozen=True, slots=True)
class Function:
    """One Lambda function: `handler` is importable as module.attribute; `concurrency` bounds its processes."""

    name: str
    handler: str
    memory_mb: int
    timeout: timedelta
    concurrency: int
    uses: tuple[Resource, ...] = ()
    settings: tuple[str, ...] = ()
    retries: int = 2  # of an asynchronous event whose run failed, by Lambda


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the HTTP API, in API Gateway's own notation of paths."""

    method: Literal["GET", "POST"]
    path: str
    function: str
    access: Access
    per_second: int = 0  # a bound of its own, so that strangers do not use up everybody's; 0: the stage's


@dataclass(frozen=True, slots=True)
class Queue:
    """The feedback queue, its dead letters, and how the consumer takes from it.

    A message that fails is hidden for `visibility`, then comes again, `attempts` times: together longer than a database
    may be away.
    """

    name: str
    consumer: str
    batch_size: int
    batch_window: timedelta
    maximum_concurrency: int
    visibility: timedelta
    retention: timedelta
    attempts: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """One EventBridge schedule; the function gets `{"time": "<scheduled time, ISO 8601>"}`."""

    name: str
    function: str
    expression: str
    in_time_zone: bool = False


@dataclass(frozen=True, slots=True)
class Cors:
    """What browsers of any origin may send and read; tokens are sent in a header, never in a cookie."""

    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed_headers: tuple[str, ...]
    max_age: timedelta


_DATABASE = ("DATABASE_POOLED",)
_HTTP = ("LOG_SAMPLE",)
_ARMS = ("ARMS", "CONTROL_WEIGHTS")  # always together: settings refuse weights of other arms
_LEARNING = (
    *_ARMS,
    "POLICY",
    "PRIOR_ALPHA",
    "PRIOR_BETA",
    "HISTORY_WORTH",
    "HALF_LIFE",
    "HALF_LIFE_TIME",
    "SHORT_HALF_LIFE",
    "SHORT_HALF_LIFE_TIME",
    "TRAFFIC_HALF_LIFE",
    "TRAFFIC_HALF_LIFE_TIME",
    "PUBLISH_EVERY",
    "MIN_ARM_PROBABILITY",
    "MAX_ALGORITHM_DOMINANCE",
    "DOMINANCE",
    "DOMINANCE_OVER",
    "CONTEXT_FACTORS",
)
_SILENCE = ("SILENCE_COUNTS_AFTER", "SILENCE_COUNTS")
"""Recorded with each list by `select`; `analytics` tells which is in force."""
_WINDOWS = ("ATTRIBUTION_WINDOW", "KEEP_EVENTS")  # always together: settings refuse one that does not fit the other
_OUTCOMES = ("SUCCESS_RATING", "FAILURE_RATING", "SILENCE_COUNTS_AFTER", *_WINDOWS)
_SHARE = ("TREATMENT_SHARE", "RAMP", "ASSIGNMENT")  # always together: settings refuse a ramp without the server
_STEERING = ("BANDIT", "BRAKE_BELOW", "BRAKE_FALLBACKS", "BRAKE_ERRORS", "BRAKE_SLOW", "BRAKE_LATENCY")
_SLATE = (
    "MIN_LONG_TAIL_SHARE",
    "BANDIT",
    "EXPERIMENT_SALT",
    "EXPERIMENT_START",
    *_SHARE,
    "BRAKE_LATENCY",
    "MAX_PLACES_PER_VISITOR",
    "MOVIE_COLUMNS",
    "SESSION_GAP",
    "SITE_TIME_ZONE",
)
_PAGE = (
    "SIGN_IN_AUTHORIZE_URL",
    "SIGN_IN_TOKEN_URL",
    "SIGN_IN_REVOKE_URL",
    "SIGN_IN_CLIENT_ID",
    "SIGN_IN_SCOPE",
    "DASHBOARD_NOTICE",
)
_EXPERIMENT = (*_SHARE, "EXPERIMENT_SALT", "EXPERIMENT_START", "PLANNED_LIFT", "PLANNED_CTR", "VISITOR_WEIGHT_QUANTILE")
_SHIPPING = ("BANDIT", "HISTORY_WORTH")
_THRESHOLDS = (
    "MIN_AVG_RATING",
    "MIN_CTR",
    "MIN_GENRE_DIVERSITY",
    "MIN_LONG_TAIL_SHARE",
    "MAX_ALGORITHM_DOMINANCE",
    "DOMINANCE",
    "MIN_ARM_PROBABILITY",
    "MIN_JOIN_RATE",
    "MIN_LISTS",
    "MAX_FEEDBACK_SILENCE",
    "MAX_CANDIDATE_AGE",
)

FUNCTIONS: Final = (
    Function(
        "select", "functions.select.handler.handler", 1024, timedelta(seconds=10), 40,
        ("database",),
        ("TIME_ZONE", "USER_ID_CLAIM", "LOG_USER_IDS", *_HTTP, *_DATABASE, *_LEARNING, *_SLATE, *_SILENCE),
    ),
    Function(
        "ingest", "functions.feedback.ingest.handler", 512, timedelta(seconds=10), 40,
        ("send_feedback",), ("USER_ID_CLAIM", "MAX_PLACES_PER_VISITOR", *_HTTP),
    ),
    Function(
        "feedback", "functions.feedback.handler.handler", 1024, timedelta(seconds=60), 4,
        ("database",), (*_DATABASE, *_LEARNING, *_OUTCOMES),
    ),
    Function(
        "settle", "functions.feedback.settle.handler", 1024, timedelta(seconds=55), 2,
        ("database", "mails"),
        (*_DATABASE, *_LEARNING, *_OUTCOMES, *_EXPERIMENT, *_STEERING, "SITE_RATINGS", "SITE_TIME_ZONE"), retries=0,
    ),
    Function(
        "monitor", "functions.monitor.handler.handler", 1024, timedelta(minutes=5), 1,
        ("database", "reports", "mails", "counts"),
        ("TIME_ZONE", "DASHBOARD_URL", "DASHBOARD_NOTICE", *_ARMS, *_DATABASE, *_WINDOWS, *_EXPERIMENT, *_THRESHOLDS,
         *_SILENCE, *_SHIPPING),
    ),
    Function(
        "courier", "functions.monitor.courier.handler", 512, timedelta(minutes=1), 1,
        ("feedback_queue", "alerts"), retries=0,
    ),
    Function(
        "analytics", "functions.monitor.analytics.handler", 1024, timedelta(seconds=29), 10,
        ("database",),
        ("TIME_ZONE", "USER_ID_CLAIM", "CONTEXT_FACTORS", "MIN_LISTS", *_ARMS, *_HTTP, *_DATABASE, *_EXPERIMENT,
         *_SILENCE, *_SHIPPING),
    ),
    Function(
        "page", "functions.monitor.open_routes.handler", 512, timedelta(seconds=10), 20,
        ("feedback_queue",), ("TIME_ZONE", "USER_ID_CLAIM", "BANDIT", *_HTTP, *_PAGE),
    ),
    Function(
        "migrate", "functions.migrate.handler.handler", 512, timedelta(minutes=5), 1,
        ("database",), ("SITE_TIME_ZONE", *_DATABASE),
    ),
    Function(
        "operate", "functions.operate.handler.handler", 1024, timedelta(minutes=15), 1,
        ("database", "imports"), (*_DATABASE, *_WINDOWS),
    ),
    Function(
        "candidates", "functions.candidates.handler.handler", 3008, timedelta(minutes=15), 1,
        ("database",), (*_ARMS, *_DATABASE), retries=0,
    ),
    Function(
        "archive", "functions.archive.handler.handler", 3008, timedelta(minutes=15), 1,
        ("database", "archive"), ("PRIOR_ALPHA", "PRIOR_BETA", *_DATABASE, *_OUTCOMES), retries=0,
    ),
)  # fmt: skip

AUTHORIZER: Final = Function(
    "authorize", "functions.authorize.handler.handler", 512, timedelta(seconds=10), 20,
    ("database", "site_tokens"), ("SITE_TOKEN_AUDIENCE", "SITE_USER_COLUMN", *_HTTP, *_DATABASE),
)  # fmt: skip
"""Checks visitors' tokens where they are the site's own (SITE_TOKENS), in place of the issuer's."""
AUTHORIZER_KEPT: Final = timedelta(minutes=5)
"""How long the gateway keeps what it said of a token; the functions check the expiry again."""


def functions(*, site_tokens: bool) -> tuple[Function, ...]:
    """Every function of a deployment, with or without the site's own tokens."""
    return (*FUNCTIONS, AUTHORIZER) if site_tokens else FUNCTIONS


ROUTES: Final = (
    Route("GET", "/movies/recommendations", "select", "visitor"),
    Route("POST", "/movies/recommendations", "select", "service"),
    Route("POST", "/selections", "select", "visitor"),
    Route("POST", "/analytics/track", "ingest", "visitor"),
    Route("POST", "/analytics/track/{action}", "ingest", "visitor"),
    Route("GET", "/analytics/bandit/stats", "analytics", "analytics", per_second=20),
    Route("GET", "/analytics/performance", "analytics", "analytics", per_second=20),
    Route("GET", "/analytics/recommendations/stats", "analytics", "analytics", per_second=20),
    Route("GET", "/analytics/timeline", "analytics", "analytics", per_second=20),
    Route("GET", "/analytics/health", "analytics", "analytics", per_second=20),
    Route("GET", "/analytics/reports", "analytics", "analytics", per_second=20),
    Route("GET", "/analytics/reports/{day}", "analytics", "analytics", per_second=20),
    Route("GET", "/analytics/queue", "page", "analytics", per_second=20),
    Route("GET", "/dashboard", "page", "open", per_second=20),
    Route("GET", "/dashboard/{asset}", "page", "open", per_second=20),
    Route("GET", "/docs", "page", "open", per_second=20),
    Route("GET", "/docs/{asset}", "page", "open", per_second=20),
    Route("GET", "/openapi.json", "page", "open", per_second=20),
    Route("GET", "/health", "page", "open", per_second=20),
)

OVER_HTTP: Final = frozenset({AUTHORIZER.name, *(route.function for route in ROUTES)})
"""Functions that a visitor waits for."""

CORS: Final = Cors(
    methods=("GET", "POST", "OPTIONS"),
    headers=("authorization", "content-type"),
    exposed_headers=("X-Recommendation-Id", "X-AB-Group", "X-Context-Key", "X-Request-Id", "Retry-After"),
    max_age=timedelta(hours=1),
)

CORS_WITH_SITE: Final = Cors(
    methods=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
    headers=(*CORS.headers, "*"),
    exposed_headers=(*CORS.exposed_headers, "*"),
    max_age=CORS.max_age,
)
"""The same where what is not ours is passed on to the site (SITE_URL), whose methods and headers are not known here."""

FEEDBACK_QUEUE: Final = Queue(
    name="feedback",
    consumer="feedback",
    batch_size=1000,
    batch_window=timedelta(seconds=1),
    maximum_concurrency=4,
    visibility=timedelta(seconds=360),
    retention=QUEUE_RETENTION,
    attempts=100,
)

SCHEDULES: Final = (
    Schedule("settle", "settle", "rate(1 minute)"),
    Schedule("courier", "courier", "rate(5 minutes)"),
    Schedule("monitor", "monitor", "cron(0 9 * * ? *)", in_time_zone=True),
    Schedule("archive", "archive", "cron(30 1 * * ? *)", in_time_zone=True),
    Schedule("candidates", "candidates", "cron(0 3 * * ? *)", in_time_zone=True),
)
