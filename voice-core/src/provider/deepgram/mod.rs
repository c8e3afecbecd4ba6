//! Deepgram: Flux, which finds turns itself, and Nova-3.
