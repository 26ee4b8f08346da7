/** One movie of a list: the site's own columns and the bandit's data on its place. */
export interface Recommendation {
  id: number;
  title: string;
  genres: string[];
  /** `bandit_<arm>`, `hybrid_control` or `hybrid_fallback`. */
  algorithm: string;
  /** 1 is the top of the list. */
  position: number;
  /** The impression's id; feedback with it is attributed exactly. */
  event_id: number;
  recommendation_id: string;
  /** Probability with which the bandit drew this algorithm for this place; null without a draw. */
  propensity: number | null;
  [column: string]: unknown;
}

/** A list with the data of the answer's headers. */
export interface List {
  id: string | null;
  group: "treatment" | "control" | "fallback" | (string & {}) | null;
  /** For instance `evening|weekend|power_user`. */
  context: string | null;
  movies: Recommendation[];
}

/** Who decides between bandit and control: the server's sticky hash, the user id's parity, one draw per session, or you. */
export type Assignment = "server" | "user" | "session" | boolean;

export interface Options {
  /** Where the API is; default: the page's own origin. */
  url?: string;
  userId: number;
  /** The visitor's JWT; called at every request, so that a renewed token is used. */
  token: () => string | Promise<string>;
  assignment?: Assignment;
  /** Milliseconds in which feedback is gathered for one request; default: 30,000. */
  gatherFor?: number;
  /** Called with each event that is not sent, or not sent again; a warning is on the console, too. */
  onDropped?: (event: unknown, reason: Reason) => void;
}

/**
 * Why an event is dropped: its movie or rating is wrong; the service refused it for good; 500 newer events wait; or an
 * earlier page left it more than seven days ago.
 */
export type Reason = "invalid" | "refused" | "full" | "expired";

export interface Query {
  limit?: number;
  offset?: number;
  /** The same seed gives the same list, so that pages of one list fit together. */
  seed?: number;
}

/** What feedback is about: a shown movie itself, or its ids. */
export type Shown = Pick<Recommendation, "event_id"> | { movie_id: number };

/** Each call returns at once and never throws; the event is delivered in the background, even after a reload. */
export interface Track {
  click(shown: Shown): void;
  /** `stars` from 0.5 to 5 in halves. */
  rating(shown: Shown, stars: number): void;
  thumbsUp(shown: Shown): void;
  thumbsDown(shown: Shown): void;
  /** Takes the visitor's thumb back. */
  thumbsOff(shown: Shown): void;
  /** For a page that finds out itself what was in view; `watch` does it for you. Each event id is reported once. */
  seen(shown: Pick<Recommendation, "event_id">): void;
}

export interface Client {
  /**
   * Rejects with a `RequestFailed` when the service refuses, with a TypeError when it cannot be reached, with a
   * TimeoutError after 30 seconds, and with what `token` throws.
   */
  recommendations(query?: Query): Promise<List>;
  track: Track;
  /**
   * Reports a movie as seen, once, when half of its element has been in view for a second.
   * Call it again if the element shows another movie; the returned function ends it.
   */
  watch(element: Element, shown: Pick<Recommendation, "event_id">): () => void;
  /** Events that wait for delivery. */
  readonly pending: number;
  /** Stops listening and retrying; waiting events stay stored for the next client of this user. */
  close(): void;
}

/** The service's problem document (RFC 9457) as an error. */
export declare class RequestFailed extends Error {
  name: "RequestFailed";
  status: number;
}

/** Throws a TypeError that names the option without which it cannot work; nothing else here throws. */
export declare function connect(options: Options): Client;
