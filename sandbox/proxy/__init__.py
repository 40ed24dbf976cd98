"""A proxy between an adapter and any system, which cuts, delays, stalls or loses answers by rule."""
