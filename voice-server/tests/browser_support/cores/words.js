// What the page says about ends and errors, whatever a server sends.
const { isAboutOpus, problemCause, problemWords, reasonWords, unstoredWords } = await module("call/words.js");

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
assert(/^It broke\. The server could not store/.test(unstoredWords("lost", "It broke.")), unstoredWords("lost", "It broke."));

// Of a handshake that failed, only what is about the format is about Opus.
for (const message of ["opus is not spoken here; use pcm16", "the rate 48000 is not spoken here; use 8000, 16000 or 24000"]) {
  assert(isAboutOpus({ message }), message);
}
for (const message of [undefined, "", "protocol 1 is not spoken here; this server speaks 2", "no hello came within 5000 ms"]) {
  assert(!isAboutOpus({ message }), message);
}
