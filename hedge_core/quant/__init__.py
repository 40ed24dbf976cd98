"""The numeric corner: the only place of the core where floats live. Integers in, rounded out, re-checked exactly."""
