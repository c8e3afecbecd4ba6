// Times of the API as people read them.

/** An instant (RFC 3339) in the person's own place and way. */
export function when(instant) {
  return new Date(instant).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** A length as minutes and seconds; a dash where there is none. */
export function duration(ms) {
  if (!Number.isFinite(ms)) return "–";
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** A place in a call, in seconds. */
export function place(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** An amount in millionths. */
export function amount(micros, currency) {
  return Number.isFinite(micros) && currency ? `${(micros / 1e6).toFixed(4)} ${currency}` : "no price known";
}
