// Who is signed in, the field for a token where somebody has to bring one, and the question about one that came by itself.

import { whoIs } from "../api/sign-in.js";
import { byId } from "./dom.js";

export class SignInView {
  /** `use` gets the token that was pasted; `accept` and `decline` answer for the one that was offered. */
  bind({ use, accept, decline }) {
    byId("sign-in").addEventListener("submit", (event) => {
      event.preventDefault();
      const field = byId("token");
      use(field.value.trim());
      field.value = "";
    });
    byId("token-use").addEventListener("click", accept);
    byId("token-drop").addEventListener("click", decline);
  }

  /** There is no call without a token. */
  ask() {
    const isOffered = !byId("token-offer").hidden;
    byId("reason").textContent = isOffered ? "Sign in first: say whether the address's token is to be used." : "Sign in first: paste a token above.";
    byId(isOffered ? "token-use" : "token").focus();
  }

  show(signIn) {
    byId("sign-in").hidden = !signIn.needsPerson || signIn.offered !== null;
    byId("who").textContent = signIn.isSignedIn ? words(signIn) : "not signed in";
    document.body.dataset.signedIn = String(signIn.isSignedIn);
    byId("token-offer").hidden = signIn.offered === null;
    const whose = whoIs(signIn.offered) ?? "somebody it does not name";
    byId("token-offer-words").textContent = `The address has brought a token of ${whose}. Use it only if you opened this address on purpose.`;
  }
}

function words({ who, isDevelopment }) {
  return `signed in${who === null ? "" : ` as ${who}`}${isDevelopment ? " (development)" : ""}`;
}
