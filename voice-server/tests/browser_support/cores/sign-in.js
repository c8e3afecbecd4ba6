// Who is signed in: what the server, a person or an address brings.
const { SignIn } = await module("api/sign-in.js");

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
} finally {
  globalThis.fetch = realFetch;
}
