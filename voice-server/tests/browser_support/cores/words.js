// What the page says about ends and errors, whatever a server sends.
const { problemCause, problemWords, reasonWords, unstoredWords } = await module("call/words.js");

for (const reason of [undefined, null, 7, "", "constructor", "some_new_reason", "lost"]) {
  assert(/^[A-Z].*\.$/.test(reasonWords(reason)), reason, reasonWords(reason));
}
for (const code of [undefined, "stage", "storage", "too_slow", "unauthorized", "toString", "new_one"]) {
  for (const message of [undefined, "", "the voice failed; another goes on", "why?"]) {
    const words = problemWords({ code, message });
    assert(/^[A-Z].*[^.][.?]$/.test(words) && words.includes(message || ""), code, words);
    assert(typeof problemCause(code) === "string", code);
  }
}
for (const reason of ["lost", "refused", "caller_hung_up", undefined]) {
  const words = unstoredWords(reason);
  assert(words.includes("may be missing") && !words.includes("is in"), reason, words);
}
