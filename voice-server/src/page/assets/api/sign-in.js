// Who the page is: a token from the address's fragment, from a person, or in development from the server itself.
//
// Invariant: the token is in memory only, and in no address for longer than it takes to read it. One from an address is used
// only once somebody says so: whoever made the link would otherwise choose in whose name this person talks. Where somebody
// brought a token, the server's own is never used in its place unless they say so: it is another person's.

/** A token that runs out sooner is renewed before it is used. */
const RENEW_BEFORE_MS = 60_000;

/** How long the server may take for a token. */
const TIMEOUT_MS = 5_000;

/** How often the server is asked for the next token of a call that runs. */
const RENEWALS = 4;

/** The longest between two of these. */
const RENEW_EVERY_MS = 10_000;

/** Where development's tokens come from; no such path anywhere else. */
const SESSION_PATH = "/page/session";

/** What a bearer token is made of (RFC 6750, 2.1). A browser sends no header with other letters in it. */
const TOKEN = /^[A-Za-z0-9._~+/=-]+$/;

const NO_TOKEN = "That is no token: there are letters in it that no token has. Copy it again, whole and without anything else.";

const NO_SERVERS_TOKEN = "The server gives no token now. Try again, or paste one above.";

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
    /** Whether somebody brought a token, which then is the only way to the next one until they say otherwise. */
    this.isPersons = false;
    /** How many questions to the server have no answer yet. */
    this.unanswered = 0;
    /** What is wrong with what somebody brought last, as a sentence; `null` if nothing is. */
    this.fault = null;
    /** What a person is being asked for. */
    this.wanted = null;
    /** A token of the address that nobody has said anything about yet, or `null`. */
    this.offered = null;
  }

  /** Looks for a token in the address, and asks the server. */
  async start() {
    this.look();
    await this.#askServer();
    this.changed();
  }

  /** Takes a token out of the address, if there is one, and offers it. */
  look() {
    const given = takeFromAddress();
    if (given === null) return;
    if (TOKEN.test(given)) [this.offered, this.fault] = [given, null];
    else this.fault = NO_TOKEN;
    this.changed();
  }

  /** The token that was offered is used. */
  accept() {
    const { offered } = this;
    this.offered = null;
    if (offered !== null) this.use(offered);
  }

  /** The token that was offered is forgotten, and what was wrong with another one. */
  decline() {
    this.offered = null;
    this.forgetFault();
  }

  /** What was wrong with a token is of no use any more. */
  forgetFault() {
    this.fault = null;
    this.changed();
  }

  /** Who is signed in, as the token has it; `null` if nobody is or it does not say. */
  get who() {
    return whoIs(this.current?.token);
  }

  /** A token that somebody brought. What is none changes nothing but `fault`. */
  use(token) {
    this.fault = TOKEN.test(token) ? null : NO_TOKEN;
    if (this.fault === null) this.#take(token);
    this.changed();
  }

  /** Whether the server's own token can be chosen in place of one that is asked for. */
  get offersServers() {
    return this.isDevelopment === true && this.current === null && this.wanted === null;
  }

  /** The server's own token is used, unless somebody brings another one meanwhile. */
  async useServers() {
    if (!this.offersServers || this.isSigningIn) return;
    this.isPersons = false;
    const renewing = this.renew();
    this.forgetFault();
    if ((await renewing) || this.isPersons) return;
    this.fault = NO_SERVERS_TOKEN;
    this.changed();
  }

  #take(token) {
    this.current = { token, untilMs: expiryMs(token) };
    this.isPersons = true;
    this.wanted?.resolve(token);
    this.wanted = null;
  }

  /** Whether the server may give the next token. */
  get asksServer() {
    return this.isDevelopment !== false && !this.isPersons;
  }

  /** Whether nobody is signed in, and the server has been asked for a token. */
  get isSigningIn() {
    return this.current === null && this.unanswered > 0;
  }

  /** Whether a person has to bring a token, for want of one or because it runs out. */
  get needsPerson() {
    return this.current === null || this.wanted !== null;
  }

  /** Another token than the present one, which runs out in `inMs`, where the server gives one, else `null`. */
  async fromServer(inMs) {
    const waitMs = Math.min(RENEW_EVERY_MS, (inMs || 0) / (RENEWALS + 1));
    for (let left = RENEWALS; left > 0 && this.asksServer; left -= 1) {
      if (await this.renew()) return this.current.token;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
    return null;
  }

  /** Another token from a person, however long that takes; `null` once nobody needs it any more. */
  fromPerson() {
    this.wanted ??= Promise.withResolvers();
    this.changed();
    return this.wanted.promise;
  }

  /** Nobody needs another token any more. */
  stopAsking() {
    this.wanted?.resolve(null);
    this.wanted = null;
    this.changed();
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
    if (!this.asksServer) return false;
    const isNew = await this.#askServer();
    this.changed();
    return isNew;
  }

  async #askServer() {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    this.unanswered += 1;
    const answer = await fetch(SESSION_PATH, { method: "POST", cache: "no-store", signal }).catch(() => null);
    this.unanswered -= 1;
    // Anything else is a server in trouble, not one that signs no tokens.
    if (answer?.ok) this.isDevelopment = true;
    else if ([403, 404].includes(answer?.status)) this.isDevelopment = false;
    if (!answer?.ok) return false;
    const said = await answer.json().catch(() => null);
    // Somebody may have been quicker.
    if (!said || this.isPersons) return false;
    const { token, expires_in_ms } = said;
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
  return claims(token).exp * 1000 || Infinity;
}

/** More letters of a name are not shown. */
const MAX_NAME = 60;

/** Whose token it is by its own words, which nothing here has checked: to be shown, and for nothing else. */
export function whoIs(token) {
  const { email, name, sub } = claims(token);
  const found = [email, name, sub].find((claim) => typeof claim === "string" && claim !== "");
  return found?.slice(0, MAX_NAME) ?? null;
}

/** What a token says; nothing, if it is none. */
function claims(token) {
  try {
    const letters = atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
    const text = new TextDecoder().decode(Uint8Array.from(letters, (letter) => letter.charCodeAt(0)));
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
