// The lines of a log, whichever of the two it is.
//
// Invariant: any text gives rows; nothing is thrown. A row has the seconds since the log's beginning (an output has its
// input's), "in", "out" or "page", what it is in a word, and the rest as text.

/** The rows of a log, how many lines were none, and what kind of log it is. */
export function readLog(text) {
  const rows = [];
  let [foreign, seconds, kind] = [0, null, "no log"];
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const value = parsed(line);
    if (value && isHeader(value)) {
      kind = "page_log" in value ? "messages of the page" : "turn log";
      continue;
    }
    const row = value && (machineRow(value, seconds) ?? pageRow(value));
    if (row) rows.push(row);
    else foreign += 1;
    seconds = row?.seconds ?? seconds;
  }
  return { rows, foreign, kind };
}

function parsed(line) {
  try {
    const value = JSON.parse(line);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

function isHeader(value) {
  return "turn_log" in value || "page_log" in value;
}

function machineRow(value, before) {
  const direction = "in" in value ? "in" : "out" in value ? "out" : null;
  if (direction === null) return "cut" in value ? row(before, "page", "cut", value.cut, value) : null;
  const seconds = "at_ns" in value ? value.at_ns / 1e9 : before;
  return named(seconds, direction, value[direction], value);
}

function pageRow(value) {
  if (typeof value.page_ms !== "number" || typeof value.message !== "object" || value.message === null) return null;
  const { type, ...rest } = value.message;
  return row(value.page_ms / 1000, String(value.direction), String(type), rest, value);
}

/** A value by its name: `"name"`, `{"name": …}` or `{"type": "name", …}`. */
function named(seconds, direction, what, line) {
  if (typeof what === "string") return row(seconds, direction, what, "", line);
  if (typeof what !== "object" || what === null) return null;
  if (typeof what.type === "string") {
    const { type, ...rest } = what;
    return row(seconds, direction, type, rest, line);
  }
  const [name, rest] = Object.entries(what)[0] ?? ["?", ""];
  return row(seconds, direction, name, rest, line);
}

function row(seconds, direction, kind, rest, line) {
  const details = typeof rest === "string" ? rest : JSON.stringify(rest);
  const known = Number.isFinite(seconds) ? seconds : null;
  return { seconds: known, direction, kind, details, line, text: `${kind} ${details}`.toLowerCase() };
}
