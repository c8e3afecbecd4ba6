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
  ended: "The call has ended.",
});

const REASONS = Object.freeze({
  caller_hung_up: "You hung up.",
  agent_hung_up: "The agent hung up.",
  line_lost: "The connection broke, and the call with it.",
  caller_idle: "Nothing was heard for too long, so the agent hung up.",
  max_duration: "The call reached its longest time.",
  stage_failed: "Speech or the model failed, and nothing could take its place.",
  shutdown: "The server is shutting down.",
  unauthorized: "The token ran out, or may not call here. Sign in again.",
  handshake_failed: "The server and this page do not speak the same protocol. Load the page again.",
  over_limit: "The plan allows no further call now: its calls at a time or its minutes are used up.",
  unavailable: "The server has no room now. Try again in a moment.",
  lost: "The connection could not be made again in time; what was said is in the call's record.",
  refused: "The server no longer has this call; what was said is in its record.",
  not_reached: "The server cannot be reached.",
  not_taken: "The server did not take the call: it may be full, or the plan's calls or minutes are used up.",
});

/** Why a call ended; a reason that is not known is named. */
export function reasonWords(reason) {
  return REASONS[reason] ?? `The call ended: ${reason.replaceAll("_", " ")}.`;
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
