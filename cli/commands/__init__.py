"""The commands, one file per subject; each is a thin step from options to a use case and from its result to the screen."""
