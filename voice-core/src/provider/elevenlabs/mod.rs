//! ElevenLabs: one socket a call, a context a reply.
