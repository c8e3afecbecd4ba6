//! OpenAI-compatible servers: chat over SSE, speech over HTTP.
