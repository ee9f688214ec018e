"""The parts of the recorder: what it calls things, what it looks at, what it leaves out, and how it runs a command."""
