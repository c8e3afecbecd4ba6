// Who is signed in, the field for a token where somebody has to bring one, and the question about one that came by itself.
//
// Invariant: what is wrong with a token is said where it was brought; whoever used a part that is no longer there has the
// next one that is of use, and never a button that would start or end a call under hands that are busy with something else.

import { whoIs } from "../api/sign-in.js";
import { byId } from "./dom.js";

export class SignInView {
  /** `notices` reads out; `isCalling` tells whether a call runs or is about to end. */
  constructor(notices, isCalling) {
    Object.assign(this, { notices, isCalling });
    /** Whether somebody wanted to call and was told to sign in first. */
    this.hasAsked = false;
  }

  /** `use` gets the token that was pasted; `accept` and `decline` answer for the one that was offered; `useServers` takes the server's. */
  bind({ use, accept, decline, useServers }) {
    byId("sign-in").addEventListener("submit", (event) => {
      event.preventDefault();
      const field = byId("token");
      use(field.value.trim());
      field.value = "";
    });
    byId("token-use").addEventListener("click", accept);
    byId("token-drop").addEventListener("click", decline);
    byId("token-development").addEventListener("click", useServers);
  }

  /** There is no call without a token. */
  ask(signIn) {
    this.hasAsked = true;
    this.#why(whatFirst(signIn));
    if (!signIn.isSigningIn) firstOf("token-use", "token")?.focus();
  }

  show(signIn) {
    const focused = document.activeElement;
    byId("sign-in").hidden = !signIn.needsPerson || signIn.offered !== null;
    byId("token-development").hidden = !signIn.offersServers;
    document.body.dataset.signedIn = String(signIn.isSignedIn);
    byId("token-offer").hidden = signIn.offered === null;
    const whose = whoIs(signIn.offered) ?? "somebody it does not name";
    byId("token-offer-words").textContent = `The address has brought a token of ${whose}. Use it only if you opened this address on purpose.`;
    byId("token-fault").hidden = signIn.fault === null;
    byId("token-fault").textContent = signIn.fault ?? "";
    this.#who(signIn);
    if (focused?.closest("[hidden]")) this.#next().focus();
  }

  /** The next part that is of use to whoever was in one that is hidden. */
  #next() {
    const inOrder = ["token-use", "token", ...(this.isCalling() ? [] : ["call"])];
    return firstOf(...inOrder) ?? document.querySelector("[role=tab][aria-selected=true]");
  }

  #who(signIn) {
    const who = signIn.isSignedIn ? words(signIn) : "not signed in";
    const isNew = byId("who").textContent !== who;
    byId("who").textContent = who;
    if (this.hasAsked) this.#why(signIn.isSignedIn ? "" : whatFirst(signIn));
    if (signIn.isSignedIn) this.hasAsked = false;
    if (isNew && signIn.isSignedIn) this.notices.announce(`${who.charAt(0).toUpperCase()}${who.slice(1)}.`);
  }

  #why(sentence) {
    if (byId("reason").textContent === sentence) return;
    byId("reason").textContent = sentence;
    if (sentence !== "") this.notices.announce(sentence);
  }
}

/** What comes before a call. */
function whatFirst(signIn) {
  if (signIn.offered !== null) return "Sign in first: say whether the address's token is to be used.";
  return signIn.isSigningIn ? "Signing in." : "Sign in first: paste a token above.";
}

/** The first of these elements that is shown. */
function firstOf(...ids) {
  return ids.map(byId).find((element) => element.closest("[hidden]") === null);
}

function words({ who, isDevelopment, isPersons }) {
  return `signed in${who === null ? "" : ` as ${who}`}${isDevelopment && !isPersons ? " (development)" : ""}`;
}
