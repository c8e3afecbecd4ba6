// Who is signed in, and the field for a token where somebody has to bring one.

import { byId } from "./dom.js";

export class SignInView {
  /** `use` gets the token that was pasted. */
  bind(use) {
    byId("sign-in").addEventListener("submit", (event) => {
      event.preventDefault();
      const field = byId("token");
      use(field.value.trim());
      field.value = "";
    });
  }

  /** There is no call without a token. */
  ask() {
    byId("reason").textContent = "Sign in first: paste a token above.";
    byId("token").focus();
  }

  show(signIn) {
    byId("sign-in").hidden = !signIn.needsPerson;
    const place = signIn.isDevelopment ? "signed in (development)" : "signed in";
    byId("who").textContent = signIn.isSignedIn ? place : "not signed in";
    document.body.dataset.signedIn = String(signIn.isSignedIn);
  }
}
