//! Examples of embedding `voice-core`; each file beside this folder is one.
