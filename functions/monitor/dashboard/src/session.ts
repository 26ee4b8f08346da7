/** Signs people in by OAuth 2.1's authorization code with PKCE; keeps the token in this tab. Must not know figures. */

export interface Configuration {
  authorize_url: string;
  token_url: string;
  /** Where a sign-in is ended for good; empty where the issuer has no such address. */
  revoke_url: string;
  client_id: string;
  scope: string;
  time_zone: string;
  notice: string;
  /** Which rule fills lists: on, off, shadow. */
  bandit: string;
}

interface Token {
  access_token: string;
  /** Milliseconds since 1970. */
  expires_at: number;
  /** With it the issuer gives another token for half a day, unless it is revoked. */
  refresh_token?: string | undefined;
}

interface Attempt {
  verifier: string;
  state: string;
  /** The view that was asked for, so that a link leads there through the sign-in. */
  view: string;
}

const TOKEN = "bandit-selector.token";
const ATTEMPT = "bandit-selector.sign-in";
const RENEWED_BEFORE = 60_000; // ms before a token ends

export async function readConfiguration(): Promise<Configuration> {
  const answer = await fetch("dashboard/configuration.json");
  if (!answer.ok) throw new Error(`The page's configuration cannot be read (${answer.status}). Reload the page.`);
  return answer.json();
}

export function currentToken(): string | null {
  const token = stored<Token>(TOKEN);
  return token && token.expires_at > Date.now() ? token.access_token : null;
}

/** The token, renewed shortly before its end; null when the sign-in is over. */
export async function liveToken({ token_url, client_id }: Configuration): Promise<string | null> {
  const token = stored<Token>(TOKEN);
  if (!token?.refresh_token || token.expires_at - Date.now() > RENEWED_BEFORE) return currentToken();
  const { refresh_token } = token;
  const body = new URLSearchParams({ grant_type: "refresh_token", client_id, refresh_token });
  const answer = await fetch(token_url, { method: "POST", body });
  if (answer.ok && stored<Token>(TOKEN)) keep(await answer.json(), refresh_token);
  return currentToken();
}

/** Forgets the token and has the issuer revoke what renews it (RFC 7009), also while the page is being closed. */
export function signOut({ revoke_url, client_id }: Configuration): void {
  const token = stored<Token>(TOKEN)?.refresh_token;
  sessionStorage.removeItem(TOKEN);
  if (!token || !revoke_url) return;
  const body = new URLSearchParams({ token, client_id });
  const failed = (error: unknown) => console.warn("The issuer could not be told of the sign-out.", error);
  fetch(revoke_url, { method: "POST", body, keepalive: true }).catch(failed);
}

/** Goes to the issuer's sign-in page. */
export async function signIn({ authorize_url, client_id, scope }: Configuration): Promise<void> {
  const attempt: Attempt = { verifier: random(), state: random(), view: location.hash };
  sessionStorage.setItem(ATTEMPT, JSON.stringify(attempt));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(attempt.verifier));
  const query = new URLSearchParams({
    response_type: "code",
    client_id,
    redirect_uri: here(),
    scope,
    state: attempt.state,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
  });
  location.assign(`${authorize_url}?${query}`);
}

/** After the return from the issuer: exchanges the code in the address for a token and cleans the address. */
export async function completeSignIn({ token_url, client_id }: Configuration): Promise<void> {
  const query = new URLSearchParams(location.search);
  const [code, state, refusal] = ["code", "state", "error_description"].map((name) => query.get(name));
  const attempt = stored<Attempt>(ATTEMPT);
  if (!code && !query.has("error")) return;
  history.replaceState(null, "", here() + (attempt?.view ?? ""));
  sessionStorage.removeItem(ATTEMPT);
  if (!code) throw new Error(`The issuer refused to sign you in: ${refusal ?? query.get("error")}.`);
  if (!attempt || attempt.state !== state) throw new Error("This sign-in was started elsewhere; start it again here.");
  const body = new URLSearchParams({
    grant_type: "authorization_code",
    client_id,
    code,
    code_verifier: attempt.verifier,
    redirect_uri: here(),
  });
  const answer = await fetch(token_url, { method: "POST", body });
  if (!answer.ok) throw new Error(`The issuer did not take the code (${answer.status}); sign in again.`);
  keep(await answer.json());
}

interface Granted {
  access_token: string;
  expires_in: number;
  refresh_token?: string;
}

/** Keeps what the issuer granted; an issuer that does not turn the refresh token goes on with the old one. */
function keep({ access_token, expires_in, refresh_token }: Granted, old?: string): void {
  const token: Token = {
    access_token,
    expires_at: Date.now() + expires_in * 1000,
    refresh_token: refresh_token ?? old,
  };
  sessionStorage.setItem(TOKEN, JSON.stringify(token));
}

const here = () => location.origin + location.pathname;

function stored<T>(name: string): T | null {
  return JSON.parse(sessionStorage.getItem(name) ?? "null");
}

function random(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");
}
