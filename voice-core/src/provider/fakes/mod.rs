//! Local servers that speak the vendors' protocols, bad manners included.
