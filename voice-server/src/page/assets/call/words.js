// What the page says to people about a call.
//
// Invariant: every state, every reason of an end and every refusal that the protocol names has a sentence.

export const STATES = Object.freeze({
  idle: "Ready. Start a call and talk; interrupt whenever you like.",
  asking: "Asking for the microphone. Answer the browser's question.",
  refused: "No call: the microphone is not allowed.",
  connecting: "Connecting.",
  listening: "Listening.",
  thinking: "Thinking.",
  speaking: "Speaking. You can interrupt.",
  paused: "Paused: you spoke. Deciding whether it was for the agent.",
  reconnecting: "The connection is lost. Trying again.",
  leaving: "Hanging up.",
  ended: "The call has ended.",
});

const REASONS = Object.freeze({
  __proto__: null,
  caller_hung_up: "You hung up.",
  agent_hung_up: "The agent hung up.",
  line_lost: "The connection broke, and the call with it.",
  caller_idle: "Nothing was heard for too long, so the agent hung up.",
  max_duration: "The call reached its longest time.",
  stage_failed: "Speech or the model failed, and nothing could take its place.",
  shutdown: "The server is shutting down.",
  unauthorized: "The token ran out, or may not call here. Sign in again.",
  resume_failed: "The page was away for too long to be told what it missed, so this call could not go on here.",
  handshake_failed: "The server and this page do not speak the same protocol. Load the page again.",
  over_limit: "The plan allows no further call now: its calls at a time or its minutes are used up.",
  unavailable: "The server has no room now. Try again in a moment.",
  lost: "The connection could not be made again in time; what was said is in the call's record.",
  refused: "The server no longer has this call; what was said is in its record.",
  no_codec: "The browser's Opus codec breaks again and again.",
  not_reached: "The server cannot be reached.",
  not_taken: "The server did not take the call: it may be full, or the plan's calls or minutes are used up.",
});

/** Why a call ended; a reason that is not known is named. */
export function reasonWords(reason) {
  if (typeof reason !== "string" || reason === "") return "The call ended; the server did not say why.";
  return REASONS[reason] ?? `The call ended: ${reason.replaceAll("_", " ")}.`;
}

/** Somebody hung up while there was no connection. */
export const HUNG_UP_AWAY =
  "You hung up while the connection was lost. The page goes on trying to tell the server, which ends the call by itself otherwise.";

/** Somebody hung up, and the connection may have been gone by then. */
export const HUNG_UP_UNANSWERED =
  "You hung up, and the server has not answered. The page goes on trying to tell it; otherwise it ends the call by itself.";

/** Reasons whose sentence says that everything is in the record, without that. */
const WITHOUT_RECORD = Object.freeze({
  __proto__: null,
  lost: "The connection could not be made again in time.",
  refused: "The server no longer has this call.",
});

/** Why a call ended of which the server could not store everything; `sentence` says it where the reason has no words of its own. */
export function unstoredWords(reason, sentence = null) {
  const why = sentence ?? WITHOUT_RECORD[reason] ?? reasonWords(reason);
  return `${why} The server could not store all of what was said: the end of it may be missing in the call's record.`;
}

/** What is wrong with the page's own parts, until it is no longer so. */
export const WARNINGS = Object.freeze({
  microphoneGone: "The microphone is gone. Plug it in or choose another under “Sound and caller”.",
  microphoneMuted: "The microphone is muted by the browser, the system or a switch of its own, so the agent does not hear you. Unmute it there.",
  uplinkSlow: "The connection is too slow for your voice: some of what you say does not reach the agent.",
  tokenEnds: "The token runs out soon. Paste another one above to go on.",
  tokenRefused: "That token was not taken. Paste another one above to go on.",
  tokenTaken: "Signed in again; the call goes on.",
  soundStopped: "The browser has stopped the sound, so nothing is heard or recorded. Click anywhere on this page to go on.",
});

/** What is said when the browser's encoder or decoder breaks: once it is open again, and once it is not opened any more. */
export const CODEC_FAILURES = Object.freeze({
  codec: {
    final: "The browser's Opus codec does not run, so there is no call in Opus. Choose PCM under “Sound and caller”, then start the call again.",
  },
  encode: {
    passing: "The browser's Opus encoder broke and was started again: a moment of what you said was not heard.",
    final: "The browser's Opus encoder breaks again and again, so the agent could not hear you. Choose PCM under “Sound and caller”, then start the call again.",
  },
  decode: {
    passing: "The browser's Opus decoder broke and was started again: a moment of what the agent said is missing.",
    final: "The browser's Opus decoder breaks again and again, so you could not hear the agent. Choose PCM under “Sound and caller”, then start the call again.",
  },
});

/** A call in Opus was refused by the handshake. */
export const NO_OPUS_HERE = "The server did not take a call in Opus. Choose PCM under “Sound and caller”, then start the call again.";

/** Whether a handshake failed for Opus: the server's text says what it does not speak. */
export function isAboutOpus({ message }) {
  return /\b(opus|rate \d+) is not spoken here\b/.test(message);
}

/** Errors of the protocol: what they are about, and in words where the server's own need some. */
const PROBLEMS = Object.freeze({
  __proto__: null,
  stage: { cause: "stage", words: "Speech or the model failed" },
  storage: { cause: "storage", words: "What is said cannot be stored for now, so it is not shown as final" },
  too_slow: { cause: "slow", words: "The connection or this computer is too slow, so some of what was to be shown is missing" },
  too_fast: { cause: "slow", words: "The server dropped something that came too fast" },
  unauthorized: { cause: "token", words: "The token was not taken" },
  over_limit: { cause: "token", words: "The server did not look at the token, for too much was asked" },
  unavailable: { cause: "token", words: "The server cannot look at the token now" },
});

/** What an `error` of the server is about; another one about the same takes its place. */
export function problemCause(code) {
  return PROBLEMS[code]?.cause ?? "line";
}

/** An `error` of the server as a sentence; its own text says what exactly. */
export function problemWords({ code, message }) {
  const about = PROBLEMS[code]?.words ?? "The server found something wrong";
  return message ? `${about}: ${message}.`.replace(/([.!?])\.$/, "$1") : `${about}.`;
}

/** How long, as people read it. */
export function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** What stands in the transcript where the connection was gone. */
export function gapWords(awayMs) {
  return `connection lost for ${seconds(awayMs)}; what was said meanwhile was not heard`;
}

const CAUSES = Object.freeze({
  __proto__: null,
  start_of_turn: "a new turn began",
  words: "the words were for the agent",
  duration: "the speech went on",
  policy: "the policy says at once",
  command: "by the button or a client",
  not_a_bid: "not meant for the agent",
});

/** Why a barge-in was decided as it was. */
export function causeWords(cause) {
  return CAUSES[cause] ?? String(cause).replaceAll("_", " ");
}
