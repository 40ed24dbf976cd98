"""What HedgeBridge does, step by step: ports, a clock and an actor in; console, CLI and workers call the same."""
