//! Several engines as one: in order, each resting for a while after it failed.
