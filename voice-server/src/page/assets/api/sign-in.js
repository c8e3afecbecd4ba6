// Who the page is: a token from the address's fragment, from a person, or in development from the server itself.
//
// Invariant: the token is in memory only, and in no address for longer than it takes to read it.

/** A token that runs out sooner is renewed before it is used. */
const RENEW_BEFORE_MS = 60_000;

/** Where development's tokens come from; no such path anywhere else. */
const SESSION_PATH = "/page/session";

/** There is no token, and a person has to bring one. */
export class NotSignedIn extends Error {
  constructor() {
    super("Sign in first: paste a token above.");
  }
}

export class SignIn {
  /** `changed` is called whenever somebody signs in, or has to. */
  constructor(changed) {
    this.changed = changed;
    this.current = null;
    /** Whether the server signs tokens for its page; `null` before that was asked. */
    this.isDevelopment = null;
    /** What a person is being asked for. */
    this.wanted = null;
  }

  /** Takes the token from the address, or asks the server. */
  async start() {
    const given = takeFromAddress();
    if (given) this.use(given);
    else await this.#askServer();
    this.changed();
  }

  /** A token that somebody brought. */
  use(token) {
    this.current = { token, untilMs: expiryMs(token) };
    this.wanted?.resolve(token);
    this.wanted = null;
    this.changed();
  }

  /** Whether a person has to bring a token, for want of one or because it runs out. */
  get needsPerson() {
    return this.current === null || this.wanted !== null;
  }

  /** Another token than the present one: from the server, or from a person, however long that takes. */
  async another() {
    if (await this.renew()) return this.current.token;
    this.wanted ??= Promise.withResolvers();
    this.changed();
    return this.wanted.promise;
  }

  /** Drops a token that the server did not take. */
  forget() {
    this.current = null;
    this.changed();
  }

  get isSignedIn() {
    return this.current !== null;
  }

  /** A token that is good for a while. Throws NotSignedIn. */
  async token() {
    if (!this.current || this.current.untilMs - Date.now() < RENEW_BEFORE_MS) await this.renew();
    if (!this.current) throw new NotSignedIn();
    return this.current.token;
  }

  /** Gets a new token where the server gives one; tells whether it did. */
  async renew() {
    if (this.isDevelopment === false) return false;
    const isNew = await this.#askServer();
    this.changed();
    return isNew;
  }

  async #askServer() {
    const answer = await fetch(SESSION_PATH, { method: "POST", cache: "no-store" }).catch(() => null);
    if (!answer) return false;
    this.isDevelopment = answer.ok;
    if (!answer.ok) return false;
    const { token, expires_in_ms } = await answer.json();
    this.current = { token, untilMs: Date.now() + expires_in_ms };
    return true;
  }
}

/** `#token=…` of the address, which is taken out of it and out of the history. */
function takeFromAddress() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const token = fragment.get("token");
  if (token === null) return null;
  fragment.delete("token");
  const rest = fragment.toString();
  history.replaceState(null, "", `${location.pathname}${location.search}${rest === "" ? "" : `#${rest}`}`);
  return token;
}

/** When a token says that it runs out. The server decides; this only says when to ask for the next. */
function expiryMs(token) {
  try {
    const claims = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(atob(claims)).exp * 1000 || Infinity;
  } catch {
    return Infinity;
  }
}
