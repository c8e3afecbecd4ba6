// The server's REST API, asked as whoever is signed in.
//
// Invariant: what fails is a Problem with a sentence that can be shown. A token that is not taken is renewed once where the
// server renews it.

/** The longest that an answer is waited for, with its body. */
const TIMEOUT_MS = 15_000;

/** While a call is kept for the page, a request that hangs costs an attempt to come back: it is given up sooner. */
const RESUME_TIMEOUT_MS = 3_000;

/** The longest that a file may take. */
const FILE_TIMEOUT_MS = 300_000;

/** The server said no, or nothing. `status` is 0 where it could not be reached. */
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export class Api {
  constructor(signIn) {
    this.signIn = signIn;
  }

  /** An answer of the API with its body. */
  async request(path, options = {}) {
    const answer = await this.#send(path, options);
    if (answer.status === 401 && (await this.signIn.renew())) return checked(await this.#send(path, options));
    if (answer.status === 401) this.signIn.forget();
    return checked(answer);
  }

  /** A file of the API. */
  async file(path) {
    return (await this.request(path, { timeoutMs: FILE_TIMEOUT_MS })).blob();
  }

  async json(path, options = {}) {
    return (await this.request(path, options)).json();
  }

  /** The address of a socket that holds a call, or goes on with one. */
  async callAddress(resumeToken = null) {
    const timeoutMs = resumeToken === null ? TIMEOUT_MS : RESUME_TIMEOUT_MS;
    const { ticket } = await this.json("/v1/tickets", { method: "POST", timeoutMs });
    const address = new URL("/v1/call", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    address.searchParams.set("ticket", ticket);
    if (resumeToken !== null) address.searchParams.set("resume", resumeToken);
    return address;
  }

  /** Whether the server says that this call no longer runs; `false` also where it says nothing. */
  async isOver(id) {
    try {
      const { status } = await this.json(`/v1/calls/${encodeURIComponent(id)}`, { timeoutMs: RESUME_TIMEOUT_MS });
      return status !== "active";
    } catch (error) {
      return error.status === 404;
    }
  }

  /** Why the server takes no call, as far as it says so; a browser does not tell pages why a socket was refused. */
  async whyNoCall() {
    const answer = await fetch("/readyz", { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(() => null);
    if (!answer || answer.ok) return null;
    return checked(answer).catch((problem) => problem.message);
  }

  async #send(path, { timeoutMs = TIMEOUT_MS, ...options }) {
    const headers = { authorization: `Bearer ${await this.signIn.token()}` };
    try {
      return await fetch(path, { ...options, headers, cache: "no-store", signal: AbortSignal.timeout(timeoutMs) });
    } catch {
      throw new Problem(0, "The server cannot be reached.");
    }
  }
}

async function checked(answer) {
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Problem(answer.status, sentence(problem.detail ?? `The server answered ${answer.status}.`));
}

function sentence(text) {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
