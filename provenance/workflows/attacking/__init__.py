"""Attacks on a policy: what may be done to evidence and models, and what the policy says of it."""
