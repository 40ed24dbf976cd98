"""A YonBIP / YonSuite stand-in: data-centre look-up, token service and gateway of one invented tenant."""
