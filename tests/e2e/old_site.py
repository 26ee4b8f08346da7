"""An existing site's backend and page: its own tokens, thumbs and ratings, by its old application's statements."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import jwt
import psycopg
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.integration.beside import old_application
from tests.listening import listening

KEY = "the-site's-own-key-of-forty-characters!!"
PAGE = b"""<!doctype html><title>Movies</title><link rel="icon" href="data:,">
<button id="more">See more</button><ul></ul><script type="module">
const token = localStorage.token, user = 1, seed = Date.now(), shown = new Set();
const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
const call = async (method, path, body) =>
  (await fetch(path, { method, headers, body: body && JSON.stringify(body) })).json();
let offset = 0, limit = 30;
async function load() {
  const query = `user_id=${user}&limit=${limit}&seed=${seed}` + (offset ? `&offset=${offset}` : "");
  const movies = await call("GET", `/movies/recommendations?${query}`);
  for (const movie of movies) {
    if (shown.has(movie.id)) continue;
    shown.add(movie.id);
    const card = document.createElement("li");
    card.dataset.movie = movie.id;
    card.innerHTML = `<a href="#">${movie.title}</a> <button>up</button> <button>five</button> <button>one</button>`;
    const [up, five, one] = card.querySelectorAll("button");
    up.onclick = async () => {
      const said = await call("POST", `/analytics/toggle-thumbs-up/${movie.id}`);
      up.textContent = said.thumbs_up ? "liked" : "up";
    };
    const rate = (button, rating) => {
      button.onclick = async () => {
        await call("POST", "/ratings/", { movie_id: movie.id, rating });
        button.textContent = "rated";
      };
    };
    rate(five, 5);
    rate(one, 1);
    card.querySelector("a").onclick = async () => {
      await call("POST", "/analytics/track/click", { user_id: user, event_id: movie.event_id });
      card.dataset.opened = "yes";
    };
    document.querySelector("ul").append(card);
  }
  document.querySelector("ul").dataset.count = shown.size;
  offset = shown.size - (offset ? 1 : 0);
  limit = 10;
}
document.querySelector("#more").onclick = load;
document.title = (await call("GET", "/auth/me")).name;
await load();
</script>"""


def answering(url: str, engine: Engine) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...

        def do_GET(self) -> None:
            if self.path == "/auth/me":
                return self.answer(json.dumps({"name": self.user()}).encode(), "application/json")
            return self.answer(PAGE, "text/html")

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.user()
            if self.path.startswith("/analytics/toggle-thumbs-up/"):
                with Session(engine) as session:
                    up = old_application.feedback(session, 1, int(self.path.rpartition("/")[2]), "up").thumbs_up
                return self.answer(json.dumps({"thumbs_up": up}).encode(), "application/json")
            rated = json.loads(content)
            with psycopg.connect(url) as connection:
                connection.execute(
                    "INSERT INTO ratings (user_id, movie_id, rating) VALUES (1, %s, %s)",
                    [rated["movie_id"], rated["rating"]],
                )
            return self.answer(b'{"status": "rated"}', "application/json")

        def user(self) -> str:
            token = self.headers["Authorization"].removeprefix("Bearer ")
            return jwt.decode(token, KEY, algorithms=["HS256"])["sub"]

        def answer(self, content: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler


@contextmanager
def running(url: str) -> Generator[str]:
    """The backend of the site with this database, until the block ends; its address."""
    engine = old_application.engine(url)
    try:
        with listening(answering(url, engine)) as address:
            yield address
    finally:
        engine.dispose()
