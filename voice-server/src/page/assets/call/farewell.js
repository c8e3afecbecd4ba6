// Tells the server that somebody hung up while there was no connection.
//
// Invariant: it tries for as long as the server keeps the call and no longer, and shows nothing: for the page the call is
// over already. It does not know what the call was about, and what the server sends meanwhile is thrown away.

import { decodeText, hello } from "./wire.js";
import { opened } from "./socket.js";

/** How long a socket may take to open, and then to answer. */
const ANSWER_MS = 8_000;

export class Farewell {
  /** `resume` names the call of this audio `format`, of which `received` messages came; `attempts` say when to try. */
  constructor(api, log, { format, resume, received, attempts }) {
    Object.assign(this, { api, log, format, resume, received, attempts });
  }

  /** Tries until it is said, the server no longer waits, or the page is closed. */
  start() {
    const wait = this.attempts.next(performance.now());
    if (wait === null) return this.log.add("page", { type: "farewell_unsaid" });
    setTimeout(() => this.#try(), wait);
  }

  async #try() {
    try {
      await this.#say();
      this.log.add("page", { type: "farewell_said" });
    } catch {
      this.start();
    }
  }

  async #say() {
    const socket = new WebSocket(await this.api.callAddress(this.resume.token));
    await opened(socket, ANSWER_MS);
    socket.send(JSON.stringify(hello(this.format, this.received)));
    await answered(socket, "resumed");
    socket.send(JSON.stringify({ type: "bye" }));
    // What the server did with it is its own matter: the call is not kept for anybody any more.
    await answered(socket, "bye").catch(() => {});
    socket.close();
  }
}

/** Resolves once a message of this type has come; rejects if the socket closes first, or `bye` comes in its place. */
function answered(socket, type) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.close(), ANSWER_MS);
    const end = (settle) => {
      clearTimeout(timer);
      settle();
    };
    socket.onmessage = ({ data }) => {
      const found = typeof data === "string" ? decodeText(data)?.type : null;
      if (found === type) end(resolve);
      else if (found === "bye") end(() => reject(new Error("The server said bye.")));
    };
    socket.onclose = () => end(() => reject(new Error("The socket closed.")));
  });
}
