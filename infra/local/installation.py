"""One running service on this machine, built from infra.service and stopped as a whole."""

import asyncio
import json
import os
import shutil
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp
import jwt
from aiohttp import web
from bandit_selector.settings import Settings, read_settings
from bandit_selector.store.address import without_secrets
from bandit_selector.store.adoption import Wish
from bandit_selector.store.connection import connect
from bandit_selector.store.migrate import migrate
from bandit_selector.store.roles import role_of
from bandit_selector.store.site import require_site

from infra.local import accepted, demo_site, lock, postgres, postgres_keeper, site
from infra.local.emulation import aws, sign_in
from infra.local.emulation.authorizer import Authorizer, FunctionAuthorizer
from infra.local.emulation.aws import Resources
from infra.local.emulation.clock import Clock
from infra.local.emulation.event_source import EventSource
from infra.local.emulation.gateway import MAX_BODY, Gateway
from infra.local.emulation.issuer import AUDIENCE, Issuer, issuer_with_free_port
from infra.local.emulation.passing_on import Site
from infra.local.emulation.runtime import Runtime
from infra.local.errors import LocalError
from infra.service import AUTHORIZER, FEEDBACK_QUEUE, ROUTES, Function, functions

ROOT: Final = Path(__file__).parents[2]
LOCAL: Final = ROOT / ".local"
SIMULATED_WINDOW: Final = timedelta(seconds=0.2)
"""How long the queue gathers where simulated time runs: a second would be a simulated hour."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: folder of its files, port (0 = any), database and clock; `fresh` = empty.

    `settings` are this run's environment variables; those of the shell have priority. `handlers` stand in for those of
    functions, by name: to measure what is around them.
    """

    folder: Path
    port: int
    database_url: str = ""
    simulated: bool = False
    postgres_settings: Sequence[str] = ()
    fresh: bool = False
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    handlers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def chosen(self) -> Settings:
        """The settings of this run."""
        return read_settings({**self.settings, **os.environ})


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses of a running service's parts; `./dev status --json` prints them."""

    api: str
    dashboard: str
    issuer: str
    database: str
    aws_endpoint: str
    queue: str
    dead_letter_queue: str
    bucket: str
    topic: str
    inbox: str
    team_database: bool = False
    """Whether `database` is the team's own, whose password is printed nowhere."""

    @property
    def printed_database(self) -> str:
        return without_secrets(self.database) if self.team_database else self.database

    def printed(self) -> dict[str, str]:
        """Everything that may be printed."""
        every = {name: str(value) for name, value in asdict(self).items() if name != "team_database"}
        return every | {"database": self.printed_database}


@dataclass(frozen=True, slots=True)
class Installation:
    """The running service; `functions` are invoked by name, as AWS invokes them."""

    addresses: Addresses
    issuer: Issuer
    clock: Clock
    functions: Mapping[str, Runtime]
    session: aiohttp.ClientSession
    source: EventSource

    async def invoke(self, function: str, event: Mapping[str, object]) -> bytes:
        """Invokes a function with one event; raises InvocationFailed or Throttled."""
        return await self.functions[function].invoke(json.dumps(event).encode())


@asynccontextmanager
async def installation(plan: Plan) -> AsyncGenerator[Installation]:
    """Starts everything but the visitors and the schedules; stops all of it at the end.

    Raises LocalError when this folder's service already runs or its port is taken.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(lock.held(plan.folder))
        listening = stack.enter_context(_socket(plan.port))
        if plan.fresh:
            postgres.remove(plan.folder / "postgres")
            shutil.rmtree(plan.folder / "logs", ignore_errors=True)
        server = aws.start(plan.folder)
        stack.callback(server.stop)
        database_url = plan.database_url or _own_database(plan, stack)
        with connect(database_url, statement_seconds=0) as connection:
            if plan.database_url:
                require_site(connection)
            else:
                site.create_tables(connection)
            migrate(connection, Wish(read_settings().site_time_zone.key))
        server.await_answer()
        resources = aws.create(server, FEEDBACK_QUEUE, database_url)
        issuer = issuer_with_free_port(plan.folder)
        api = f"http://127.0.0.1:{listening.getsockname()[1]}"
        site_tokens = _site_tokens(plan, server)
        runtimes = _functions(plan, site_tokens, resources, database_url, api, stack)
        clock = Clock(plan.simulated)
        invoke = {name: runtime.invoke for name, runtime in runtimes.items()}
        authorizer = Authorizer(issuer.url, AUDIENCE, jwt.PyJWKSet.from_dict(issuer.keys()))
        passed_on = await _site(plan, stack)
        gateway = Gateway(ROUTES, invoke, authorizer, clock, lambda: lock.is_announced(plan.folder), passed_on)
        if site_tokens:
            gateway = replace(gateway, site_tokens=FunctionAuthorizer(invoke[AUTHORIZER.name]))
        pages = sign_in.routes(lambda scope: issuer.mint("analyst", datetime.now(UTC), scope))
        if passed_on is None:
            pages = [
                *pages,
                *demo_site.routes(database_url, lambda who, scope: issuer.mint(who, datetime.now(UTC), scope)),
            ]
        connector = aiohttp.TCPConnector(limit=0)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        queue = replace(FEEDBACK_QUEUE, batch_window=SIMULATED_WINDOW) if plan.simulated else FEEDBACK_QUEUE
        source = EventSource(queue, resources.queue, session, invoke[FEEDBACK_QUEUE.consumer])
        stack.push_async_callback(background(source.run()))
        accepted.announce_lost(plan.folder)
        stack.push_async_callback(accepted.drain, plan.folder, session, resources.queue)
        everything = web.route("*", "/{path:.*}", issuer.answer)
        await _listen(stack, [everything], stack.enter_context(_socket(issuer.port)))
        await _listen(stack, [*pages, web.route("*", "/{path:.*}", gateway.answer)], listening)
        yield Installation(
            _addresses(plan, api, issuer, database_url, resources), issuer, clock, runtimes, session, source
        )


def announced(service: Installation, plan: Plan) -> AbstractContextManager[None]:
    """Lets `running` find this service until the block ends."""
    return lock.announced(plan.folder, asdict(service.addresses))


def running(*folders: Path) -> tuple[Path, Addresses] | None:
    """The first of these folders (`serve`, then `demo`) whose service runs, and where its parts are."""
    for folder in folders or (LOCAL / "serve", LOCAL / "demo"):
        announced = lock.announcement(folder)
        if announced:
            return folder, Addresses(**announced)
    return None


def background(work: Coroutine[Any, Any, None]) -> "Callable[[], Awaitable[None]]":
    """Starts `work`; the returned function cancels it and waits for its end."""
    task = asyncio.create_task(work)

    async def end() -> None:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and (failure := task.exception()):
            raise failure

    return end


def _site_tokens(plan: Plan, server: aws.Aws) -> str:
    """The ARN of a secret with the key in the file that SITE_TOKENS names here; empty without."""
    file = plan.chosen.site_tokens
    if not file:
        return ""
    try:
        key = Path(file).read_text().strip()
    except OSError as error:
        raise LocalError(f"SITE_TOKENS={file!r} must name a file with the site's key here: {error.strerror}.") from None
    return server.client("secretsmanager").create_secret(Name="site-tokens", SecretString=key)["ARN"]


async def _site(plan: Plan, stack: AsyncExitStack) -> Site | None:
    """The site's backend, where SITE_URL names one."""
    if not plan.chosen.site_url:
        return None
    session = aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
    return Site(plan.chosen.site_url, await stack.enter_async_context(session))


def _own_database(plan: Plan, stack: AsyncExitStack) -> str:
    server = postgres.start(plan.folder / "postgres", plan.postgres_settings)
    stack.push_async_callback(background(postgres_keeper.keep(server, plan.postgres_settings)))
    return server.url


def _functions(
    plan: Plan, site_tokens: str, resources: Resources, database_url: str, api: str, stack: AsyncExitStack
) -> dict[str, Runtime]:
    logs = plan.folder / "logs"
    logs.mkdir(exist_ok=True)
    runtimes: dict[str, Runtime] = {}
    for described in functions(site_tokens=bool(site_tokens)):
        function = replace(described, handler=plan.handlers.get(described.name, described.handler))
        settings = settings_of(function, resources, database_url, api, plan.settings)
        if "site_tokens" in function.uses:
            settings["SITE_TOKENS"] = site_tokens
        runtimes[function.name] = Runtime(function, settings, ROOT, logs / f"{function.name}.log")
        stack.push_async_callback(runtimes[function.name].stop)
    return runtimes


def settings_of(
    function: Function, resources: Resources, database_url: str, api: str, of_this_run: Mapping[str, str]
) -> dict[str, str]:
    """The environment that the stack would give this function: what it uses and what was configured here."""
    queues = {"FEEDBACK_QUEUE_URL": resources.queue, "DEAD_LETTER_QUEUE_URL": resources.dead_letter_queue}
    of_resource = {
        "database": {"DATABASE_URL": database_url, "DATABASE_ROLE": role_of(function.name)},
        "send_feedback": {"FEEDBACK_QUEUE_URL": resources.queue},
        "feedback_queue": queues,
        "reports": {"REPORT_BUCKET": resources.bucket},
        "archive": {"REPORT_BUCKET": resources.bucket},
        "imports": {"REPORT_BUCKET": resources.bucket},
        "mails": {"REPORT_BUCKET": resources.bucket},
        "counts": {"REPORT_BUCKET": resources.bucket},
        "alerts": {"ALERT_TOPIC_ARN": resources.topic, "REPORT_BUCKET": resources.bucket},
        "site_tokens": {},
    }
    given = {name: value for use in function.uses for name, value in of_resource[use].items()}
    here = {
        "DASHBOARD_URL": f"{api}/dashboard",
        "SIGN_IN_AUTHORIZE_URL": f"{api}{sign_in.AUTHORIZE}",
        "SIGN_IN_TOKEN_URL": f"{api}{sign_in.TOKEN}",
        "SIGN_IN_REVOKE_URL": f"{api}{sign_in.REVOKE}",
        "SIGN_IN_CLIENT_ID": sign_in.CLIENT,
        "SIGN_IN_SCOPE": "analytics",
        **of_this_run,
        **os.environ,
    }
    configured = {name: here[name] for name in function.settings if name in here}
    return {**aws.CREDENTIALS, "AWS_ENDPOINT_URL": resources.endpoint, **configured, **given}


def _socket(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port), backlog=512)
    except OSError as error:
        raise LocalError(
            f"Port {port} cannot be used ({error.strerror}); choose another with --port, or --port 0 for a free one."
        ) from None


async def _listen(stack: AsyncExitStack, routes: Sequence[web.RouteDef], listening: socket.socket) -> None:
    application = web.Application(client_max_size=2 * MAX_BODY)
    application.add_routes(routes)
    runner = web.AppRunner(
        application, access_log=None, shutdown_timeout=1, handle_signals=False, auto_decompress=False
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, listening, backlog=512).start()


def _addresses(plan: Plan, api: str, issuer: Issuer, database_url: str, resources: Resources) -> Addresses:
    return Addresses(
        api=api,
        dashboard=f"{api}/dashboard",
        issuer=issuer.url,
        database=database_url,
        aws_endpoint=resources.endpoint,
        queue=resources.queue,
        dead_letter_queue=resources.dead_letter_queue,
        bucket=resources.bucket,
        topic=resources.topic,
        inbox=resources.inbox,
        team_database=bool(plan.database_url),
    )
