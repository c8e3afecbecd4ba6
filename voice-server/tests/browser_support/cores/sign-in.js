// Who is signed in: what the server, a person or an address brings.
const { NotSignedIn, SignIn } = await module("api/sign-in.js");
const { SignInView } = await module("view/sign-in.js");

const realFetch = globalThis.fetch;
const answers = [];
const answer = (status, token) => ({ ok: status === 201, status, json: async () => ({ token, expires_in_ms: 600_000 }) });
globalThis.fetch = async () => answers.shift() ?? answer(503);

const encoded = (claims) => btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(claims)))).replaceAll("=", "");
const tokenOf = (claims) => `h.${encoded(claims)}.s`;

try {
  // A server in trouble is asked again; only one that says so has no tokens for its page.
  const troubled = new SignIn(() => {});
  answers.push(answer(201, "one"), answer(503), answer(500), answer(201, "two"));
  await troubled.renew();
  assertEqual(await troubled.fromServer(0), "two");
  assertEqual(await troubled.fromServer(0), null, "not for ever");
  assertEqual(troubled.isDevelopment, true);
  for (const status of [403, 404]) {
    const other = new SignIn(() => {});
    answers.push(answer(status));
    assertEqual([await other.renew(), other.isDevelopment], [false, false]);
  }

  // A person is asked until the call is over.
  const asking = new SignIn(() => {});
  const first = asking.fromPerson();
  asking.use("pasted");
  assertEqual(await first, "pasted");
  const second = asking.fromPerson();
  assert(asking.needsPerson);
  asking.stopAsking();
  assertEqual([await second, asking.needsPerson], [null, false]);

  // A token is somebody's by its own words, or nobody's.
  for (const [claims, who] of [
    [{ sub: "u-1" }, "u-1"],
    [{ sub: "u-1", email: "zoë@example.org" }, "zoë@example.org"],
    [{ name: "<b>" }, "<b>"],
    [{ sub: 7 }, null],
    [null, null],
  ]) {
    asking.use(tokenOf(claims));
    assertEqual(asking.who, who);
  }
  asking.use("no.token.atall");
  assertEqual(asking.who, null);

  // Whoever brought a token, also before the server's has come, is never somebody else: a person is asked for the next one.
  const brought = tokenOf({ sub: "ann", exp: Date.now() / 1000 + 30 });
  for (const isQuick of [false, true]) {
    const person = new SignIn(() => {});
    answers.push(answer(201, "the developer's"));
    const started = person.start();
    if (!isQuick) await started;
    person.use(brought);
    await started;
    answers.push(answer(201, "the developer's"));
    assertEqual([await person.token(), await person.renew(), await person.fromServer(1_000)], [brought, false, null]);
    person.forget();
    const nobody = await person.token().catch((error) => error);
    assert(nobody instanceof NotSignedIn && person.needsPerson && !person.asksServer, isQuick);
    assertEqual(answers.splice(0).length, 1, "the server was not asked");
  }

  // What no header can have is no token, wherever it comes from.
  const fresh = new SignIn(() => {});
  for (const pasted of ["", "tökén", "a b", "“quoted”", "a\nb"]) {
    fresh.use(pasted);
    assert(fresh.fault?.startsWith("That is no token: ") && fresh.needsPerson, pasted);
  }
  location.hash = "#token=t%C3%B6k%C3%A9n";
  fresh.look();
  assert(fresh.offered === null && fresh.fault !== null && location.hash === "", location.hash);
  fresh.use("aZ09-._~+/==");
  assertEqual([fresh.fault, fresh.isSignedIn], [null, true]);

  // What was wrong with one of the address is forgotten with the next answer about one.
  location.hash = "#token=of.somebody.else";
  fresh.look();
  location.hash = "#token=t%C3%B6k%C3%A9n";
  fresh.look();
  assert(fresh.fault !== null && fresh.offered !== null);
  fresh.decline();
  assertEqual([fresh.fault, fresh.offered, fresh.isSignedIn], [null, null, true]);

  // On the page: who waits for the server is told so, and nothing of it stays once it has answered.
  takeOverElements();
  const byId = (id) => document.getElementById(id);
  const reason = () => byId("reason").textContent;
  const said = [];
  let isCalling = false;
  const view = new SignInView({ announce: (words) => said.push(words) }, () => isCalling);
  const shownFor = () => {
    const signIn = new SignIn(() => view.show(signIn));
    return signIn;
  };
  const waiting = shownFor();
  answers.push(answer(201, tokenOf({ sub: "dev" })));
  const begun = waiting.start();
  view.ask(waiting);
  assertEqual([reason(), said], ["Signing in.", ["Signing in."]]);
  await begun;
  assertEqual([reason(), said.at(-1)], ["", "Signed in as dev (development)."]);

  // Without the server's, a person is asked; what is no token is said where it was pasted, and the field stays.
  const pasting = shownFor();
  view.bind({ use: (token) => pasting.use(token), accept: () => pasting.accept(), decline: () => pasting.decline(), useServers: () => pasting.useServers() });
  answers.push(answer(404));
  const asked = pasting.start();
  view.ask(pasting);
  await asked;
  assertEqual(reason(), "Sign in first: paste a token above.");
  const paste = (words) => {
    byId("token").focus();
    byId("token").value = words;
    byId("sign-in").requestSubmit();
  };
  paste("tökén");
  assertEqual([byId("token-fault").hidden, byId("sign-in").hidden, document.activeElement.id], [false, false, "token"]);
  paste(tokenOf({ sub: "ann" }));
  assertEqual([byId("token-fault").hidden, byId("sign-in").hidden, document.activeElement.id], [true, true, "call"]);
  assertEqual([reason(), said.at(-1)], ["", "Signed in as ann."]);

  // Whoever answers for the address's token has the next thing of use, too.
  pasting.forget();
  for (const [use, next] of [["token-drop", "token"], ["token-use", "call"]]) {
    location.hash = "#token=of.somebody.else";
    pasting.look();
    byId(use).focus();
    byId(use).click();
    assertEqual(document.activeElement.id, next, use);
  }

  // While a call runs or ends, nobody is moved to the button that would end it or start another one.
  pasting.fromPerson();
  isCalling = true;
  paste(tokenOf({ sub: "ann" }));
  assertEqual([byId("sign-in").hidden, document.activeElement.id], [true, "tab-call"]);
  isCalling = false;

  // Where the server gives tokens, whoever brought one that is of no use can take the server's, and nobody else is given it.
  const button = byId("token-development");
  const isOffered = () => button.closest("[hidden]") === null;
  pasting.forget();
  assert(!isOffered(), "this server gives none");
  pasting.isDevelopment = true;
  pasting.fromPerson();
  assert(!isOffered(), "a call needs one of the same person");
  pasting.stopAsking();
  assert(isOffered() && !pasting.asksServer && button.type === "button");
  button.focus();
  answers.push(answer(503));
  button.click();
  while (pasting.fault === null) await settled();
  assert(byId("token-fault").textContent.startsWith("The server gives no token now.") && isOffered());
  assert(document.activeElement === button);
  answers.push(answer(201, tokenOf({ sub: "dev" })), answer(201, "asked twice"));
  button.click();
  button.click();
  while (!pasting.isSignedIn) await settled();
  assertEqual([said.at(-1), isOffered(), document.activeElement.id, pasting.fault], ["Signed in as dev (development).", false, "call", null]);
  assertEqual(answers.splice(0).length, 1, "asked once");

  // A token that is pasted meanwhile is used, and nothing is wrong.
  pasting.use("no.token.atall");
  pasting.forget();
  answers.push(answer(201, "the developer's"));
  const choosing = pasting.useServers();
  pasting.use(brought);
  await choosing;
  assertEqual([await pasting.token(), pasting.isPersons, pasting.fault], [brought, true, null]);
} finally {
  globalThis.fetch = realFetch;
}
